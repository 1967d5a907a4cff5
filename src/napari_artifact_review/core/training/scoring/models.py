"""Find the model that the user names, load it, and check its probabilities."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.errors import ModelError
from napari_artifact_review.core.training.scoring.onnx_options import OnnxOptions
from napari_artifact_review.core.user_folders import absolute_path

#: Function of the user: cutouts of shape (n, size, size) to n probabilities.
ModelFunction: TypeAlias = Callable[[NDArray[np.float32]], Any]

#: Excess over 0 or 1 that rounding explains; such values are clipped.
_ROUNDING = 1e-6

_DEFAULT_OPTIONS = OnnxOptions()

_FORMS = "Write package.module:function, file.py:function or the name of an ONNX file"
#: Suffixes of files that are usually pickles.
_PICKLES = {".pkl", ".pickle", ".joblib"}

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class ModelSource:
    """Where a model is, and the digest of what it was.

    Attributes
    ----------
    kind : str
        "module", "file" or "onnx".
    target : str
        Name of the module, or absolute path of the file.
    function : str
        Name of the function; empty for an ONNX file.
    digest : str
        SHA-256 of the file in hexadecimal; for an ONNX file with those of its weights.
    folder : str
        Folder in which Python looks for the module too.
    onnx : OnnxOptions
        Options of an ONNX file.
    """

    kind: Literal["module", "file", "onnx"]
    target: str
    function: str
    digest: str
    folder: str = ""
    onnx: OnnxOptions = _DEFAULT_OPTIONS

    def __str__(self) -> str:
        return f"{self.target}:{self.function}" if self.function else self.target

    @property
    def identity(self) -> str:
        """Text that is equal for the same model, wherever its file is."""
        name = self.target if self.kind == "module" else ""
        return f"{self.kind}:{name}:{self.function}:{self.digest}:{self.onnx.text}"


def find_model(text: str, onnx: OnnxOptions = _DEFAULT_OPTIONS) -> ModelSource:
    """Find a model without loading it.

    Parameters
    ----------
    text : str
        "package.module:function", "file.py:function", or the path of an ONNX file.
    onnx : OnnxOptions, optional
        Options of an ONNX file.

    Raises
    ------
    ModelError
        If the text names no model, or its file cannot be read.
    """
    if text.lower().endswith(".onnx"):
        path = absolute_path(text)
        return ModelSource("onnx", str(path), "", _digest_of(path), onnx=onnx)
    if onnx.text:
        raise ModelError(
            f"{text!r} is no ONNX file, and the options of --onnx are for one",
            remedy="Leave out these options, or name an ONNX file",
        )
    target, colon, function = text.rpartition(":")
    if colon and function.isidentifier():
        if target.lower().endswith(".py"):
            path = absolute_path(target)
            return ModelSource("file", str(path), function, _digest_of(path))
        if _MODULE.fullmatch(target):
            path = _file_of_module(target)
            digest = _digest_of(path)
            return ModelSource("module", target, function, digest, str(Path.cwd()))
    elif text.lower().endswith(".py"):
        raise ModelError(
            "the name of the function is missing",
            path=text,
            remedy=f"Write {text}:function",
        )
    is_pickle = Path(target if colon else text).suffix.lower() in _PICKLES
    pickle = "; a pickle is never loaded, because it can run any code"
    raise ModelError(
        f"{text!r} names no function and no ONNX file{pickle if is_pickle else ''}",
        remedy=f"{_FORMS}; a function can load a model of any other kind",
    )


class Model:
    """A loaded model, whose probabilities are checked.

    Parameters
    ----------
    source : ModelSource
        Where the model is.
    size : int
        Side length of the cutouts in pixels.

    Raises
    ------
    ModelError
        If the model cannot be loaded, or takes other cutouts.
    """

    def __init__(self, source: ModelSource, size: int) -> None:
        self.source = source
        self._lock = threading.Lock()
        self._warned: set[tuple[object, ...]] = set()
        if source.kind == "onnx":
            from napari_artifact_review.core.training.scoring.onnx_model import (
                OnnxModel,
            )

            with calling_model(source, "cannot be loaded"):
                self._function: ModelFunction = OnnxModel(
                    Path(source.target), source.onnx, size
                )
        else:
            self._function = _load_function(source)

    def score(self, cutouts: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of an artifact in each cutout.

        The threads of a process take turns.

        Parameters
        ----------
        cutouts : ndarray of float32, shape (n, size, size)
            The pixels; the model may change them.

        Returns
        -------
        ndarray of float64, shape (n,)
            Probabilities from 0 to 1.

        Raises
        ------
        ModelError
            If the model raises an exception, or returns anything else.
        """
        count = len(cutouts)
        with (
            self._lock,
            self._each_warning_once(),
            calling_model(self.source, "the model failed"),
        ):
            answer = self._function(cutouts)
            masked = np.count_nonzero(np.ma.getmask(answer))
            found = np.asarray(answer)
            shape, is_complex = found.shape, np.iscomplexobj(found)
            found = found.real.astype(np.float64)
        if is_complex:
            raise self._wrong(
                "it returned complex numbers", "Return real probabilities from 0 to 1"
            )
        if masked:
            # The values under a mask mean nothing.
            raise self._wrong(
                f"it returned {masked} masked values for {count} cutouts",
                "Return a probability for each cutout",
            )
        if shape not in ((count,), (count, 1)):
            raise self._wrong(
                f"for {count} cutouts it returned an array of shape {shape}",
                f"Return one probability of an artifact for each cutout: ({count},)",
            )
        found = found.reshape(count)
        if np.isnan(found).any():
            missing = np.count_nonzero(np.isnan(found))
            raise self._wrong(
                f"it returned NaN for {missing} of {count} cutouts",
                "Replace NaN pixels in the model, for example by the median",
            )
        if found.min() < -_ROUNDING or found.max() > 1 + _ROUNDING:
            raise self._wrong(
                f"it returned values from {found.min():g} to {found.max():g}, not "
                "probabilities from 0 to 1",
                "Apply a sigmoid to logits, or divide percentages by 100",
            )
        return found.clip(0, 1)

    @contextmanager
    def _each_warning_once(self) -> Iterator[None]:
        """Show a warning of the model once, not for each image."""
        with warnings.catch_warnings(record=True) as caught:
            yield
        for one in caught:
            key = (one.category, str(one.message), one.filename, one.lineno)
            if key not in self._warned:
                self._warned.add(key)
                warnings.warn_explicit(
                    one.message, one.category, one.filename, one.lineno
                )

    def _wrong(self, what: str, remedy: str) -> ModelError:
        return ModelError(what, path=str(self.source), remedy=remedy)


_loaded: dict[tuple[ModelSource, int], Model] = {}
_loading = threading.Lock()
#: Digest of each module of a model when it was imported.
_imported: dict[str, str] = {}


def loaded_model(source: ModelSource, size: int) -> Model:
    """Return a model, which this process loads once.

    Raises
    ------
    ModelError
        If the model cannot be loaded, or takes other cutouts.
    """
    with _loading:
        model = _loaded.get((source, size))
        if model is None:
            # Only the last model is kept, because models can be large.
            _loaded.clear()
            model = _loaded[source, size] = Model(source, size)
        return model


@contextmanager
def calling_model(source: ModelSource, doing: str) -> Iterator[None]:
    """Raise a `ModelError` for any exception of the user's model inside the block.

    Parameters
    ----------
    source : ModelSource
        The model.
    doing : str
        First words of the message.
    """
    try:
        yield
    except ModelError:
        raise
    # The code is the user's, and may raise anything.
    except Exception as error:
        message = str(error).strip().partition("\n")[0].rstrip(".")
        kind = type(error).__name__
        raise ModelError(
            f"{doing}: {kind}: {message}" if message else f"{doing}: {kind}",
            path=str(source),
            where=_last_line(error, source),
            remedy="Correct the model, and run the same command again",
        ) from error
    # A module may call sys.exit() while it is imported.
    except SystemExit as error:
        raise ModelError(
            f"{doing}: it ends the program (SystemExit: {error.code})",
            path=str(source),
            remedy='Move code that is not for scoring under: if __name__ == "__main__"',
        ) from error


def _last_line(error: Exception, source: ModelSource) -> str | None:
    """Return the last line of the user's file in the traceback of an error."""
    if isinstance(error, SyntaxError):
        # A file that is no text has no lines.
        return None if error.lineno is None else f"line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    file = source.target
    if source.kind == "module":
        file = getattr(sys.modules.get(source.target), "__file__", None) or ""
    lines = [frame.lineno for frame in frames if frame.filename == file]
    return f"line {lines[-1]}" if lines else None


def _digest_of(path: Path) -> str:
    """Return the digest of a file, and of the weights of an ONNX file beside it."""
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256")
        if path.suffix.lower() == ".onnx":
            for weights in sorted(path.parent.glob(f"{_escaped(path.name)}[._]*")):
                with weights.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
    except OSError as error:
        raise ModelError(
            f"cannot be read ({error.strerror or error})",
            path=path,
            remedy="Check the path and your rights to it",
        ) from error
    return digest.hexdigest()


def _escaped(name: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", name)


def _search_in(folder: str) -> None:
    """Let Python find modules in the user's folder too, after all others."""
    if folder not in sys.path:
        sys.path.append(folder)


def _file_of_module(name: str) -> Path:
    """Return the file of a module, importing only the packages that contain it."""
    _search_in(str(Path.cwd()))
    importlib.invalidate_caches()
    source = ModelSource("module", name, "", "")
    with calling_model(source, "cannot be imported"):
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError as error:
            # The package, or a module that the package imports, is missing.
            if not f"{name}.".startswith(f"{error.name}."):
                raise
            found = None
    if found is None or not found.has_location or found.origin is None:
        raise ModelError(
            f"there is no module {name} in this Python",
            remedy="Install its package, or run the command in the folder with it",
        )
    return Path(found.origin)


def _load_function(source: ModelSource) -> ModelFunction:
    with calling_model(source, "cannot be imported"):
        module = _load_file(source) if source.kind == "file" else _load_module(source)
    function = getattr(module, source.function, None)
    if not callable(function):
        others = [
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", "") == module.__name__ and callable(value)
        ]
        has = f"; it has {', '.join(others[:5])}" if others else ""
        raise ModelError(
            f"it has no function {source.function}{has}",
            path=source.target,
            remedy="Name a function that takes cutouts and returns probabilities",
        )
    return function  # type: ignore[no-any-return]


def _load_module(source: ModelSource) -> Any:
    _search_in(source.folder)
    module = importlib.import_module(source.target)
    _check_digest(source, Path(getattr(module, "__file__", None) or source.target))
    # Python imports a module once, also if its file changes.
    if _imported.setdefault(source.target, source.digest) != source.digest:
        raise ModelError(
            f"the module {source.target} has changed since this process imported it",
            path=str(source),
            remedy="Start the workers again, or this Python if it has none",
        )
    return module


def _load_file(source: ModelSource) -> Any:
    path = Path(source.target)
    _check_digest(source, path)
    # As for a script, the modules beside it can be imported.
    folder = os.fspath(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = f"napari_artifact_review_model_{source.digest[:16]}"
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None, "the suffix is .py"
    assert found.loader is not None, "the suffix is .py"
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _check_digest(source: ModelSource, path: Path) -> None:
    """Check that a worker loads the very file that was found."""
    if _digest_of(path) != source.digest:
        raise ModelError(
            "the file has changed, or is another one on this worker",
            path=path,
            remedy="Give all workers the same file, and run the same command again",
        )
