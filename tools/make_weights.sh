#!/bin/sh
# From the data to the shipped weights: mean shape → landmarks and sound → five folds by actor (figures,
# temperature) → one model of all training actors for each fusion → assets/models with the card.
#   tools/make_weights.sh DATA [WORK]      DATA holds ravdess/landmarks, ravdess/audio_22050_flac and
#                                          teacher/ravdess_posteriors.csv
# What is done is not done again: it goes on where it was stopped. Actor 01 is never trained on.
set -eu

data=${1:?"name the folder of the data, as EMOLIVE_DATA does"}
work=${2:-results/weights}
bin=$(dirname "$(command -v emolive-train || echo .venv/bin/emolive-train)")
here=$(pwd)
mkdir -p "$work" "$here/assets/models"

# The mean shape that all landmarks are laid on; the same faces give the same file again.
"$bin/python" -m preprocessing.mean_shape "$data/ravdess/landmarks/dlib68_every_2nd_frame.npz" \
    "$here/assets/face/mean_shape.json" --leave-out actor:01

# Left out: actor 01, and two trials of actor 18 whose landmarks are one and the same recording.
"$bin/emolive-preprocess" landmarks "$data/ravdess/landmarks/dlib68_every_2nd_frame.npz" \
    "$work/speech.csv" --sound-root "$data/ravdess/audio_22050_flac" --splits none \
    --leave-out actor:01 01-01-02-01-18 01-01-02-02-18

for fusion in ia lt it; do
    common="--annotation_path $work/speech.csv --allow_outside --cache_path $work/cache --fusion $fusion --no_val"
    common="$common --teacher_path $data/teacher/ravdess_posteriors.csv"
    # shellcheck disable=SC2086
    "$bin/emolive-train" crossval $common --scheme 5fold --result_path "$work/folds-$fusion"
    resume=""
    [ ! -e "$work/all-$fusion/last.pt" ] || resume="--resume_path $work/all-$fusion"
    # shellcheck disable=SC2086
    "$bin/emolive-train" $common --result_path "$work/all-$fusion" $resume \
        --figures "$work/folds-$fusion/crossval.json" \
        --licence "CC BY-NC-SA 4.0 (from RAVDESS): non-commercial use"
    cp "$work/all-$fusion/model.safetensors" "$here/assets/models/$fusion.safetensors"
done
"$bin/python" -m training.card assets/models/lt.safetensors assets/models/it.safetensors assets/models/ia.safetensors
