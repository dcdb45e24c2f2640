"""A data set of a study: where its images are, and the settings, resources and calibration of all runs on it."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, field_validator, model_validator
from pydantic_core import PydanticCustomError

from spl.data.registry import SOURCES
from spl.data.source import Description
from spl.errors import InputError
from spl.study.base import Integer, Model, Number, no_duplicates, refuse_key
from spl.study.files import DATA_FILES
from spl.study.ranges import WholeNumbers
from spl.study.scheme import Scheme
from spl.study.settings import Settings

# Evaluations of a calibration run; the mean over the second half of them counts.
CALIBRATION_PARTS = 10

# Bytes: a manifest of prepared data may be a stranger's, and be long beyond all bounds.
MOST_OF_MANIFEST = 2**26
DESCRIPTION = TypeAdapter(Description)


class CalibrationSettings(Model):
    """The runs that calibrate the smooth methods on a data set: of each smooth method and its reference, on each fold.

    A loss weight given as "calibrated" is chosen so that the unlabelled loss of a smooth method has the same magnitude
    at equilibrium as that of its reference method: the mean over the second half of these runs. They follow the first
    ``steps`` of the schedule that the method has on the data set.
    """

    split: Scheme
    folds: WholeNumbers = Field(default=[0])
    seed: Annotated[Integer, Field(ge=0)] = 0
    steps: Annotated[
        Integer,
        Field(
            ge=CALIBRATION_PARTS,
            multiple_of=CALIBRATION_PARTS,
            description="steps of the schedule that the runs follow before they end",
        ),
    ]

    _unique = field_validator("folds")(no_duplicates)


class Resources(Model):
    """Resources that a run requests from a cluster, besides the devices and cores that follow from its settings.

    They do not affect results. ``resources`` of an experiment win over ``resources`` of its data set.
    """

    mem_mb: Annotated[Integer, Field(ge=1, description="memory in MB, of all processes together")] = 16000
    runtime: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None,
        description="time limit in minutes; without it, 48 hours for the paper's 2^20 steps, in proportion for fewer, "
        "and at least one hour. A run that needs longer goes on in its next job",
    )
    runs_per_gpu: Annotated[
        Integer,
        Field(
            ge=1,
            description="runs that share a GPU, for networks that leave it half idle; memory, time limit and hours are "
            "those of one run among them. A run of several processes has its GPUs to itself",
        ),
    ] = 1
    hours: Annotated[Number, Field(gt=0)] | None = Field(
        default=None,
        description="expected duration of a run with the data set's own number of steps, for `spl plan`",
    )


class DatasetSettings(Model):
    """One data set of the study, with the settings of all runs on it."""

    source: str
    root: Path | None = Field(
        default=None,
        description="folder with the files of the data set. Without it, they are looked for in the system's folders, "
        "else downloaded; an image-folder without it is off, as are all experiments that use it",
    )
    side: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None, description="image-folder only: pixels to which images are resized and cropped"
    )
    stands_in_for: str | None = Field(default=None, description="the data set of the paper that this one replaces")
    training: Settings = Settings()
    resources: Resources = Resources()
    calibration: CalibrationSettings | None = None
    _prepared: Path | None = None

    @field_validator("source")
    @classmethod
    def _known(cls, source: str) -> str:
        if source not in SOURCES:
            raise PydanticCustomError(
                "source", "unknown source; expected one of {known}", {"known": ", ".join(SOURCES)}
            )
        return source

    @model_validator(mode="after")
    def _is_there(self) -> DatasetSettings:
        source = SOURCES[self.source]
        if self.root is not None and not (source.files or source.own_folder):
            refuse_key("root", f"{self.source} has no files to look for")
        if source.own_folder and self.side is None:
            refuse_key("side", f"missing; {self.source} needs it")
        if self.side is not None and not source.own_folder:
            refuse_key("side", f"the images of {self.source} keep their size")
        return self

    def look_for_files(self, prepared: Path) -> None:
        """Look for the images, or for what was prepared from them.

        Args:
            prepared: folder of the prepared data set, with its manifest beside it.

        Raises:
            InputError: they are not as expected, and not prepared either.
            OSError, ValueError, RuntimeError: no system accepts the path.
        """
        self._prepared = prepared
        _ = self.off or self.known, self.files

    @property
    def off(self) -> bool:
        """Whether the data set is the user's own and its folder is not given."""
        return self.root is None and SOURCES[self.source].own_folder

    @property
    def options(self) -> dict[str, int]:
        """Options for reading the data set, besides its files."""
        return {} if self.side is None else {"side": self.side}

    @cached_property
    def known(self) -> Description:
        """Classes and numbers of images, known before the data set is read; not available if it is off."""
        try:
            return SOURCES[self.source].describe(self._folder, **self.options)
        except InputError:
            if self.absent and self._recorded:
                return self._recorded
            raise

    @property
    def absent(self) -> bool:
        """Whether nothing can be read in ``root``: a folder that was removed, or that is on another machine."""
        try:
            return self._folder is not None and not any(self._folder.iterdir())
        except OSError:
            return True

    @cached_property
    def _recorded(self) -> Description | None:
        """What was known when the data set was prepared, by its manifest; None if it was not, or otherwise than now."""
        if self._prepared is None or not all((self._prepared / name).is_file() for name in DATA_FILES):
            return None
        manifest = self._prepared.with_name(f"{self._prepared.name}.manifest.json")
        if not manifest.is_file():  # a pipe would be waited for
            return None
        try:
            with manifest.open("rb") as file:
                parameter = json.loads(file.read(MOST_OF_MANIFEST))["parameter"]
            if (parameter["source"], parameter["options"]) != (self.source, self.options):
                return None
            known = DESCRIPTION.validate_python(parameter["known"])
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None
        return known if known.train_counts else None

    @property
    def pixels(self) -> int:
        """Height and width of an image."""
        return self.side or self.known.side

    @cached_property
    def files(self) -> list[Path]:
        """The files to read; those below :data:`spl.data.downloads.DOWNLOADS` are downloaded first.

        Where ``root`` lacks files that were prepared, they are listed where a download would put them: which files
        count is for the study to say, and not for a manifest.
        """
        source = SOURCES[self.source]
        try:
            return source.locate(self.source, self._folder)
        except InputError:
            if self._folder and source.files and self._recorded:
                return [self._folder / name for name in source.files.layouts[0]]
            raise

    @property
    def _folder(self) -> Path | None:
        return self.root and self.root.expanduser()
