"""An exhibit of the page: a figure, table or spreadsheet, with its builder, inputs, parameter and caption."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from spl.paper import parameters
from spl.paper.parameters import Inputs, Parameter

# What every experiment has: the errors as means and fold by fold; where its runs differ in one setting, or in the
# number of labels, the errors by its values as table and as curve. The paper numbers some of these.
Product = Literal["", "means", "folds", "grid", "curve"]


def _no_terms(*_: object) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Exhibit:
    """A figure, table or spreadsheet.

    Attributes:
        title: "Figure 4", "Table 1".
        heading: its subject in a few words; ``{data}`` is in the place of the data that it shows.
        module: module with its ``draw`` (figure) or ``build`` (table).
        caption: function of the plan and the experiments; what it shows, apart from the conditions of its runs;
            ``{baseline}`` is in the place of the method that it compares the others with.
        terms: function of the plan and the experiments; what its columns and its words mean, by name, where that is too
            much for a caption: part of it in a file, and folded on the page.
        experiments: names of the experiments that it shows, in the order of its inputs; none for the plot of a formula.
        inputs: function of the plan and the experiments; the files that it reads, below ``results/<study>/``.
        parameter: function of the plan and the experiments; all else that it depends on.
        optional: further experiments that it shows if the study has them.
        product: which product of its first experiment it is.
        conditions: whether the conditions of its experiments belong to its caption.
        section: heading of the part of the page that it belongs to.
        detail: whether the page shows it folded, after the others of its section.
    """

    title: str
    heading: str
    module: str
    caption: Callable[..., str]
    experiments: tuple[str, ...] = ()
    inputs: Inputs = parameters.summaries
    parameter: Parameter = parameters.titles
    optional: tuple[str, ...] = ()
    product: Product = ""
    conditions: bool = True
    terms: Callable[..., Mapping[str, str]] = _no_terms
    section: str = ""
    detail: bool = False

    @property
    def not_run(self) -> bool:
        """Whether it is only a note that the experiment was not run."""
        return self.module.endswith(".not_run")

    @property
    def kind(self) -> Literal["figure", "table", "spreadsheet"]:
        """The subcommand that produces it."""
        if self.module.startswith("spl.figures."):
            return "figure"
        return "spreadsheet" if self.module == "spl.tables.spreadsheet" else "table"
