"""What the README and the other pages say to type, and their examples."""

import re

from markdown_it import MarkdownIt
from project import ROOT

PAGES = [ROOT / "README.md", ROOT / "config/README.md", *sorted((ROOT / "docs").glob("*.md"))]
DIGEST = re.compile("[0-9a-f]{64}")


def blocks(page):
    """The code blocks of a page: language, empty if there is none, and text."""
    tokens = MarkdownIt().parse(page.read_text())
    return [(token.info, token.content) for token in tokens if token.type in ("fence", "code_block")]


def commands(page):
    """The commands of a page, without comments: the lines of its code blocks without a language."""
    text = "".join(text for language, text in blocks(page) if not language and not DIGEST.fullmatch(text.strip()))
    lines = text.replace("\\\n", "").splitlines()
    return [re.sub(r"\s+# .*", "", re.sub(r"\s{4,}#? .*", "", line)).strip() for line in lines if line.strip()]


def example(beginning):
    """The example with this beginning."""
    [text] = [text for text in EXAMPLES if text.startswith(beginning)]
    return text


EXAMPLES = [text for page in PAGES for language, text in blocks(page) if language not in ("", "mermaid")]
METHOD, STATEFUL = (f"# workflow/spl/methods/{name}.py" for name in ("trusting_fixmatch", "mean_threshold"))
DATA_SET, ABLATION = "# config/pictures.yaml", "# config/thresholds.yaml"
ADDED_LABELS = "experiments:\n  added-labels:"
MODULE = 'configfile: "config/my-study.yaml"'
ERRORS, IN_PYTHON = "method,fold,error_percent", "from spl.analysis import compare, power"
DOCUMENTED = [(str(page.relative_to(ROOT)), command) for page in PAGES for command in commands(page)]
