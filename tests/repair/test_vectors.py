"""Control vectors of other tools, read back from files that those tools' own libraries wrote or read."""

import json
from pathlib import Path

import gguf
import numpy as np
import pytest

from isogloss.core.errors import BrokenInput, NothingToDo, UnknownName
from isogloss.repair.vectors import load_control_vectors, save_gguf_vectors

WIDTH = 8


@pytest.fixture
def vectors() -> dict[int, np.ndarray]:
    generator = np.random.default_rng(0)
    return {layer: generator.normal(size=WIDTH).astype(np.float32) for layer in (1, 3)}


def test_a_gguf_file_reads_back_to_the_same_numbers(vectors: dict[int, np.ndarray], tmp_path: Path) -> None:
    found = load_control_vectors(save_gguf_vectors(tmp_path / "v.gguf", vectors, model_type="qwen2"))
    assert found.model_type == "qwen2"
    assert sorted(found.vectors) == [1, 3]
    for layer, vector in vectors.items():
        assert np.array_equal(found.at(layer), vector)
    assert not (tmp_path / "v.gguf.tmp").exists()


def test_the_file_has_the_layout_that_llama_cpp_loads(vectors: dict[int, np.ndarray], tmp_path: Path) -> None:
    # llama.cpp reads float32 tensors named direction.L with L from 1 on, and needs the two general keys.
    reader = gguf.GGUFReader(save_gguf_vectors(tmp_path / "v.gguf", vectors, model_type="llama"))
    assert [tensor.name for tensor in reader.tensors] == ["direction.1", "direction.3"]
    assert {tensor.tensor_type for tensor in reader.tensors} == {gguf.GGMLQuantizationType.F32}
    fields = {name: reader.get_field(name).contents() for name in ("general.architecture", "controlvector.model_hint")}
    assert fields == {"general.architecture": "controlvector", "controlvector.model_hint": "llama"}


def test_the_first_block_cannot_be_written_to_gguf(vectors: dict[int, np.ndarray], tmp_path: Path) -> None:
    with pytest.raises(NothingToDo, match="from 1 on"):
        save_gguf_vectors(tmp_path / "v.gguf", {0: vectors[1]}, model_type="qwen2")
    assert not list(tmp_path.iterdir())


def test_a_cut_gguf_file_is_refused(vectors: dict[int, np.ndarray], tmp_path: Path) -> None:
    path = save_gguf_vectors(tmp_path / "v.gguf", vectors, model_type="qwen2")
    whole = path.read_bytes()
    for kept in (0, 3, 20, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:kept])
        with pytest.raises(BrokenInput, match=r"v\.gguf"):
            load_control_vectors(path)


def test_a_gguf_file_of_a_model_is_refused(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_tensor("token_embd.weight", np.zeros((2, 2), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(BrokenInput, match="GGUF file of 'llama'"):
        load_control_vectors(tmp_path / "model.gguf")


def test_a_vector_of_cast_is_read_and_can_be_moved_to_where_cast_acts(tmp_path: Path) -> None:
    # The layout that CAST's save() writes: JSON with string keys.
    path = tmp_path / "refusal.svec"
    content = {"model_type": "qwen2", "directions": {"5": [1.0, 2.0], "6": [3.0, 4.0]}, "explained_variances": {}}
    path.write_text(json.dumps(content))
    found = load_control_vectors(path)
    assert found.at(5).tolist() == [1.0, 2.0]
    assert sorted(found.moved(-1).vectors) == [4, 5]
    with pytest.raises(UnknownName, match="layers 5, 6"):
        found.at(7)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[1]", "not a steering vector"),
        ('{"directions": {}}', "holds no directions"),
        ('{"directions": {"a": [1]}}', "does not name a layer"),
        ('{"directions": {"1": [1, 2], "2": [1]}}', "one width"),
        ('{"directions": {"1": [1, NaN]}}', "not finite"),
    ],
)
def test_a_wrong_svec_file_is_refused_with_the_reason(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "v.svec"
    path.write_text(content)
    with pytest.raises(BrokenInput, match=reason):
        load_control_vectors(path)


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.pt").write_bytes(b"")
    with pytest.raises(UnknownName, match=r"\.gguf and \.svec"):
        load_control_vectors(tmp_path / "v.pt")
