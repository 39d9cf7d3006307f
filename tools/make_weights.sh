#!/bin/sh
# Builds the shipped weights: mean shape, landmark and audio annotations, backbone, five folds by actor (results,
# temperature), one model of all training actors for each fusion, and the model card in assets/models.
#   tools/make_weights.sh [--rehearse] DATA [WORK]
#                                          DATA holds ravdess/landmarks, ravdess/audio_22050_flac,
#                                          teacher/ravdess_posteriors.csv and, for the backbone,
#                                          ferplus/ferplus.zip
# An interrupted run can be repeated to continue. Actor 01 is excluded from training.
# --rehearse runs every step on a small part of DATA for a few epochs, and leaves assets/ as it is: results are in
# WORK/assets.
set -eu

rehearse=""
if [ "${1:-}" = --rehearse ]; then
    rehearse=yes
    shift
fi
data=${1:?"pass the data folder (see EMOLIVE_DATA) as the first argument"}
work=${2:-results/weights${rehearse:+-rehearsal}}
bin=$(dirname "$(command -v emolive-train || echo .venv/bin/emolive-train)")
here=$(pwd)
# The code beside this script, whatever is installed.
export PYTHONPATH="$here"

assets=$here/assets scheme=5fold epochs="22 10 6" small="" tries="" fewer=""
if [ -n "$rehearse" ]; then
    assets=$work/assets scheme=2fold epochs="1 1 1" fewer="--batch_size 16"
    small="--n_epochs 2 --shifts 1 --conditions 1" tries="--tries 20"
    [ -e "$work/data" ] || "$bin/python" "$here/tools/small_data.py" "$data" "$work/data"
    data=$work/data
fi
mkdir -p "$work" "$assets/models" "$assets/face"

# The mean shape to which all landmarks are aligned; the result is deterministic.
"$bin/python" -m preprocessing.mean_shape "$data/ravdess/landmarks/dlib68_every_2nd_frame.npz" \
    "$assets/face/mean_shape.json" --leave-out actor:01

# Excluded: actor 01, and two trials of actor 18 whose landmarks are of the same recording.
"$bin/emolive-preprocess" landmarks "$data/ravdess/landmarks/dlib68_every_2nd_frame.npz" \
    "$work/speech.csv" --audio-root "$data/ravdess/audio_22050_flac" --splits none \
    --leave-out actor:01 01-01-02-01-18 01-01-02-02-18

# The backbone: first on small images, at less than half the cost; then on larger ones; finally with weaker
# augmentation, since a network of this size hardly overfits.
backbone() { # FOLDER FROM EPOCHS options
    to=$1
    n_epochs=$3
    from=""
    [ -z "$2" ] || from="--pretrain_path $work/$2/backbone.safetensors"
    shift 3
    resume=""
    [ ! -e "$work/$to/last.pt" ] || resume="--resume_path $work/$to"
    # shellcheck disable=SC2086
    "$bin/emolive-train" backbone "$data/ferplus/ferplus.zip" --result_path "$work/$to" $from $resume "$@" \
        --n_epochs "$n_epochs" $fewer --licence "not stated for the pictures (FER2013); labels MIT"
}
backbones() { # EPOCHS...
    backbone backbone-64 "" "$1" --sample_size 64
    backbone backbone-96 backbone-64 "$2" --sample_size 96 --learning_rate 1e-3
    backbone backbone-last backbone-96 "$3" --sample_size 96 --learning_rate 1e-3 --warmup 0.1 \
        --occlusion 0.1 --rotation 8 --scale 0.1 --shift 0.05 --brightness 0.1 --contrast 0.2
    cp "$work/backbone-last/backbone.safetensors" "$assets/models/efficientface.safetensors"
}
# shellcheck disable=SC2086
[ ! -e "$data/ferplus/ferplus.zip" ] || backbones $epochs

for fusion in ia lt it; do
    common="--annotation_path $work/speech.csv --allow_outside --cache_path $work/cache --fusion $fusion --no_val"
    common="$common --teacher_path $data/teacher/ravdess_posteriors.csv $small"
    # shellcheck disable=SC2086
    "$bin/emolive-train" crossval $common --scheme "$scheme" --result_path "$work/folds-$fusion"
    resume=""
    [ ! -e "$work/all-$fusion/last.pt" ] || resume="--resume_path $work/all-$fusion"
    # shellcheck disable=SC2086
    "$bin/emolive-train" $common --result_path "$work/all-$fusion" $resume \
        --figures "$work/folds-$fusion/crossval.json" \
        --licence "CC BY-NC-SA 4.0 (from RAVDESS): non-commercial use"
    # How it reads streams: long and short evidence, temperatures, smoothing.
    # shellcheck disable=SC2086
    "$bin/python" -m training.fit_stream_reading "$work/all-$fusion/model.safetensors" $tries \
        --out "$work/stream-$fusion.safetensors" --folds "$work/folds-$fusion" --annotations "$work/speech.csv"
    cp "$work/stream-$fusion.safetensors" "$assets/models/$fusion.safetensors"
done
# Pooled with the classifier of faces, if there are the clips that choose the weights. The three share how far from
# the training data a network leads.
if [ -e "$data/strangers/truth.json" ] && [ -e "$data/ravdess/portraits" ]; then
    # shellcheck disable=SC2086
    "$bin/python" -m training.fit_opinion_pool "$work"/stream-ia.safetensors "$work"/stream-lt.safetensors \
        "$work"/stream-it.safetensors --folds "$work/folds-ia" "$work/folds-lt" "$work/folds-it" $tries \
        --out "$assets/models" --annotations "$work/speech.csv" --windows "$work/cache" --data "$data" \
        --cache "$work/portraits.npz"
fi
"$bin/python" -m training.model_card "$assets/models/lt.safetensors" "$assets/models/it.safetensors" \
    "$assets/models/ia.safetensors" "$assets/models/efficientface.safetensors"
[ -n "$rehearse" ] || "$bin/python" tools/asset_digests.py
