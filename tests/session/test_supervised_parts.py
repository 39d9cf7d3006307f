"""An exception planted in each thread of a session: it goes on, and says what happened."""

from __future__ import annotations

import threading

import pytest
import torch

from emolive.buffers.latest_slot import LatestSlot
from emolive.capture.synthetic.voice import Voice
from emolive.errors import EmoliveError
from emolive.predictor import Predictor
from emolive.session.inference_worker import InferenceWorker
from emolive.session.lease_watch import LeaseWatch
from emolive.session.model_loader import ModelLoader
from emolive.session.source_switch import SourceSwitch
from emolive.session.stream_listener import StreamListener
from emolive.session.subscription import Subscription


class Fault:
    """A planted bug of a method."""

    def __init__(self, times):
        self.done, self.healed = threading.Event(), threading.Event()
        self._left = times

    def strikes(self):
        if self.healed.is_set():
            return False
        self._left -= 1
        if self._left <= 0:
            self.done.set()
        return True


def plant(monkeypatch, owner, name, times=2, *, lasting=False):
    """Let the next calls of a method fail; with `lasting` until the fault is healed, if that is later."""
    real, fault = getattr(owner, name), Fault(times)

    def fails(self, *args, **kwargs):
        if not (fault.done.is_set() and not lasting) and fault.strikes():
            raise RuntimeError("a planted bug")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(owner, name, fails)
    return fault


def threads_that_last():
    """That which loads a model ends when it has."""
    return {thread.name for thread in threading.enumerate() if thread.name != "emolive-loader"}


@pytest.mark.parametrize(
    ("owner", "name", "part"),
    [
        (LatestSlot, "get", "face"),
        (InferenceWorker, "_wait_for", "model"),
        (LeaseWatch, "check", None),
    ],
)
@pytest.mark.usefixtures("puppet")
def test_a_thread_that_fails_is_started_again(watch, monkeypatch, owner, name, part):
    watched = watch("0", person="Ann", baseline="none")
    watched.until_estimates(1)
    threads = threads_that_last()
    fault = plant(monkeypatch, owner, name, lasting=part is not None)
    if part is not None:
        watched.until(lambda: watched.status(part).level == "error", "a chip that says so")
        assert "a planted bug" in watched.status(part).text
    watched.until(fault.done.is_set, "the fault")
    fault.healed.set()
    watched.until_estimates(2)
    if part is not None:
        watched.until(lambda: watched.status(part).level != "error", "a chip that is no longer red")
    assert threads <= threads_that_last()
    snapshot = watched.session.snapshot()
    assert (snapshot.person, snapshot.baseline) == ("Ann", "none")


@pytest.mark.parametrize(("owner", "name"), [(Voice, "next_block"), (StreamListener, "on_audio")])
def test_a_demo_that_fails_is_started_again(watch, monkeypatch, owner, name):
    watched = watch("demo")
    watched.until(lambda: watched.session.model_settled, "the model")
    fault = plant(monkeypatch, owner, name, lasting=True)

    def is_said() -> bool:
        status = watched.status("camera")
        return status is not None and status.level == "error"

    watched.until(is_said, "a chip that says so")
    watched.until(fault.done.is_set, "the fault")
    fault.healed.set()
    watched.until(lambda: watched.code("camera") == "live", "a demo that plays again")
    delivered_ns = watched.session._stream.delivered_ns
    watched.until(lambda: watched.session._stream.delivered_ns > delivered_ns, "more of it")


@pytest.mark.usefixtures("puppet")
def test_a_loader_that_fails_loads_again(watch, monkeypatch):
    fault = plant(monkeypatch, ModelLoader, "_load")
    watched = watch("0")
    watched.until_estimates(1)
    assert fault.done.is_set()
    watched.until(lambda: watched.code("model") == "ready", "the status")


@pytest.mark.usefixtures("puppet")
def test_a_bug_while_a_source_is_opened_is_an_error_of_one_sentence(watch, monkeypatch):
    watched = watch("0")
    watched.until_estimates(1)
    plant(monkeypatch, SourceSwitch, "open", times=1)
    with pytest.raises(EmoliveError, match="could not be opened: a planted bug"):
        watched.session.set_source("demo").result(20)
    watched.until_estimates(1)


@pytest.mark.usefixtures("puppet")
def test_a_subscriber_that_hangs_holds_up_nobody(watch):
    watched = watch("0", start=False)
    hang, seen = threading.Event(), []

    def blocked(estimate):
        seen.append(estimate)
        hang.wait(60)

    watched.session.subscribe(blocked)
    watched.session.start()
    try:
        watched.until_estimates(4)
        assert len(seen) == 1
        assert not watched.session.stop(0.5), "the subscriber's thread is still there"
    finally:
        hang.set()


def test_a_slow_subscriber_loses_the_oldest_and_counts_them(monkeypatch):
    from emolive.session import subscription
    from emolive.session.subscription import Publisher

    monkeypatch.setattr(subscription, "QUEUE_LENGTH", 3)
    publisher, seen = Publisher(), []
    began, go = threading.Event(), threading.Event()

    def slow(value):
        began.set()
        assert go.wait(120)
        seen.append(value)

    one = publisher.subscribe(slow)
    publisher.publish(0)
    assert began.wait(60)
    for value in range(1, 8):
        publisher.publish(value)
    go.set()
    publisher.wait_idle(lambda: False)
    assert (seen, one.dropped) == ([0, 5, 6, 7], 4)
    assert publisher.close(60)
    publisher.publish(8)
    assert one.is_idle
    assert isinstance(one, Subscription)


@pytest.mark.usefixtures("puppet")
def test_without_memory_on_the_device_the_model_goes_on_on_the_cpu(watch, monkeypatch):
    watched = watch("0")
    watched.until_estimates(1)
    predict, device = Predictor.predict, torch.device("cuda")

    def of_a_full_device(self, *inputs):
        if self.device == device:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        return predict(self, *inputs)

    monkeypatch.setattr(Predictor, "predict", of_a_full_device)
    watched.session._inference.pipeline.predictor.device = device
    watched.until(lambda: watched.code("model") == "fallback", "a model on the CPU")
    watched.until_estimates(2)
    assert "runs on the CPU" in watched.status("model").text
    assert watched.session._inference.pipeline.predictor.device.type == "cpu"


@pytest.mark.usefixtures("puppet")
def test_a_model_that_does_not_fit_into_the_device_is_loaded_on_the_cpu(watch, monkeypatch):
    from emolive import predictor

    load, devices = predictor.load_predictor, []

    def full(fusion, path, device, backend):
        devices.append(device)
        if device != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return load(fusion, path, device, backend)

    monkeypatch.setattr(predictor, "load_predictor", full)
    watched = watch("0", device="cuda")
    watched.until_estimates(1)
    assert devices == ["cuda", "cpu"]
    watched.until(lambda: watched.code("model") == "fallback", "the status")
