"""Descriptors of a review's cutouts, computed in the background."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_artifact_review.core.decoders import decoding
from napari_artifact_review.core.errors import CacheError, ImageError, ReviewError
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.identity import ImageFile
from napari_artifact_review.core.learning import artifact_model, descriptors
from napari_artifact_review.core.learning.child_process import ChildProcess
from napari_artifact_review.core.learning.embeddings import read_embeddings
from napari_artifact_review.core.learning.image_description import describe_image
from napari_artifact_review.core.learning.order import OrderInputs
from napari_artifact_review.core.learning.similar import SimilarCutouts
from napari_artifact_review.core.learning.whitening import known_rows
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.judged_images import JudgedImages

#: Growth of the number of described images after which listeners are told.
_GROWTH = 1.5


class CutoutDescriptors:
    """Descriptors of the cutouts, and a model of artifact against none.

    A child process reads the images one after the other. When all are described, it
    trains the model. Images that cannot be read are left out. With embeddings of the
    user, no image is read.

    Parameters
    ----------
    catalog : Catalog
        The cutouts.
    images : ImageFolder
        Folder of the full images.
    judged : JudgedImages
        Identities of the images.
    embeddings : Path or None
        Embeddings of the user, or a folder of `describe`.

    Attributes
    ----------
    progressed : Signal
        Emitted from a thread after each image, and when nothing is left to compute.
    values : ndarray of float, shape (n, d), or None
        The descriptors, with NaN where they are not known; None before `start`.
    probability : ndarray of float32, shape (n,), or None
        Probability of an artifact, NaN where it is not known; None until the model is
        trained, and if it knows no cutout.
    similar : SimilarCutouts or None
        Search for similar cutouts; None until some descriptors are known.
    version : int
        Number that changes when more descriptors are known than before by half, when
        all are known, and when the model is trained.
    faults : list of ReviewError
        Errors of images that cannot be described, or of the embeddings.
    cache_problem : CacheError or None
        Error of the user's cache, without which the descriptors are computed.
    """

    progressed = Signal()

    def __init__(
        self,
        catalog: Catalog,
        images: ImageFolder,
        judged: JudgedImages,
        embeddings: Path | None = None,
    ) -> None:
        self.embeddings = embeddings
        self.values: npt.NDArray[Any] | None = None
        self.probability: npt.NDArray[np.float32] | None = None
        self.similar: SimilarCutouts | None = None
        self.version = 0
        self.faults: list[ReviewError] = []
        self.cache_problem: CacheError | None = None
        self._judged = judged
        self._source = descriptors.VERSION
        self._catalog = catalog
        self._images = images
        self._child = ChildProcess()
        self._thread: threading.Thread | None = None
        self._is_closed = threading.Event()
        self._is_done = False
        self._described: list[str] = []
        # At the last change of `version`: number of images that were done, and number
        # of those with descriptors.
        self._noted = self._known = 0

    @property
    def progress(self) -> tuple[int, int]:
        """Number of images that are done, and number of all images."""
        return len(self._described), len(self._catalog.predictions.image_names)

    @property
    def is_ready(self) -> bool:
        """Whether nothing is left to compute, or nothing was started."""
        return self._thread is None or self._is_done

    @property
    def inputs(self) -> OrderInputs:
        """What the learned order and the model are computed from, as it is now."""
        table = self._catalog.predictions
        image_index = table.image_index.astype(np.int64, copy=False)
        return OrderInputs(
            label=table.label,
            preds=self._catalog.preds,
            confidence=table.confidence,
            descriptors=self.values,
            groups=image_index,
            image_index=image_index,
            grid_x=table.grid_x,
            grid_y=table.grid_y,
            size=self._catalog.cutout_size,
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Versions, and number of described images, as plain JSON for the log."""
        if self.values is None:
            return {"descriptors": None, "described": 0, "model": None}
        model = None if self.probability is None else artifact_model.MODEL_VERSION
        return {
            "descriptors": self._source,
            "described": self._known,
            "model": model,
        }

    def start(self, first: Sequence[str] = ()) -> None:
        """Start to describe the images, unless they are being described.

        Parameters
        ----------
        first : sequence of str
            Names of the images to begin with.
        """
        if self._thread is not None or self._is_closed.is_set():
            return
        names = dict.fromkeys([*first, *self._catalog.predictions.image_names])
        self._thread = threading.Thread(
            target=self._run,
            args=(list(names),),
            name="artifact-review-descriptors",
            daemon=True,
        )
        self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to compute; return False on timeout."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self.is_ready

    def close(self) -> None:
        """Stop computing."""
        self._is_closed.set()
        self._child.close()

    def _run(self, names: Sequence[str]) -> None:
        try:
            self._compute(names)
        finally:
            # The process is not needed again, and holds some hundred megabytes.
            self._child.close()
            self._is_done = True
        self.progressed.emit()

    def _compute(self, names: Sequence[str]) -> None:
        if self.embeddings is None:
            self._describe_all(names)
        else:
            self._read_embeddings(self.embeddings)
        if self._is_closed.is_set() or self.values is None:
            return
        self._note()
        self.progressed.emit()
        self._train()

    def _read_embeddings(self, place: Path) -> None:
        table = self._catalog.predictions
        try:
            found = read_embeddings(
                place,
                table,
                lambda names: ImageFolder(self._images.folder, names).files(),
                self._catalog.cutout_size,
            )
        except ReviewError as error:
            self.faults.append(error)
            return
        self.values, self._source = found.vectors, f"embeddings {found.digest[:16]}"
        self._described.extend(table.image_names)

    def _describe_all(self, names: Sequence[str]) -> None:
        rows, columns = len(self._catalog.preds), len(descriptors.NAMES)
        self.values = np.full((rows, columns), np.nan, dtype=np.float16)
        for name in names:
            if self._is_closed.is_set():
                return
            try:
                self._describe(name)
            except ReviewError as error:
                if self._is_closed.is_set():
                    return
                self.faults.append(error)
                if not isinstance(error, ImageError):
                    break
            self._described.append(name)
            if len(self._described) >= self._noted * _GROWTH + 1:
                self._note()
            self.progressed.emit()

    def _describe(self, name: str) -> None:
        assert self.values is not None
        rows = self._catalog.cutout_index.cutouts_of(name)
        table = self._catalog.predictions
        path, hdu = self._images.place_of(name)
        with decoding(path):
            file = ImageFile.at(path)
        found = self._child.run(
            describe_image,
            path,
            hdu,
            table.grid_x[rows],
            table.grid_y[rows],
            self._catalog.cutout_size,
            # An earlier session may have identified another HDU.
            self._judged.identity_of_file(name, file) if hdu is None else None,
        )
        self.values[rows] = found.values
        self.cache_problem = self.cache_problem or found.problem
        if found.identity is not None and found.file is not None and hdu is None:
            self._judged.note_identity(name, found.file, found.identity)

    def _train(self) -> None:
        probability = artifact_model.artifact_probability
        try:
            found = self._child.run(probability, self.inputs, 0)
        except ReviewError as error:
            if not self._is_closed.is_set():
                self.faults.append(error)
            return
        if np.isfinite(found).any():
            self.probability = found
            self._note()

    def _note(self) -> None:
        assert self.values is not None, "descriptors are computed first"
        if self.probability is None:
            self.similar = SimilarCutouts(self.values)
            image_index = self._catalog.predictions.image_index
            self._known = len(np.unique(image_index[known_rows(self.values)]))
        self._noted = len(self._described)
        self.version += 1
