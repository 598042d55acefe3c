"""The rows: what each changes of the experiment, as options of `experiments.fit`."""

from typing import NamedTuple

_FLOW = "--loss.flow-source dis"
_TCL = "--loss.consistency"


class Row(NamedTuple):
    """A fit, what it is called, and the row that it is compared with."""

    name: str
    label: str
    options: str = ""
    base: str = "fds"


ROWS = (
    Row("enerv", "E-NeRV: L1 and SSIM, no embeddings", "--model.kind enerv --model.context off --loss.frequency 0", ""),
    Row("crspe", "+ CRSPE", "--loss.frequency 0", "enerv"),
    Row("fds", "+ FDS", "", "crspe"),
    Row("sfcm", "+ SFCM", _FLOW),
    Row("tcl", "+ TCL: the paper's objective", f"{_FLOW} {_TCL} 1", "sfcm"),
    Row("sfcm_plain", "SFCM without its mask", f"{_FLOW} --loss.regularised False"),
    Row("sfcm_no_entropy", "SFCM without the mask's entropy", f"{_FLOW} --loss.entropy 0"),
    Row("sfcm_normalise", "SFCM, divided by the mask's mean", f"{_FLOW} --loss.guard normalise"),
    Row("sfcm_floor", "SFCM, the mask's mean held at a half", f"{_FLOW} --loss.guard floor"),
    Row("tcl_alone", "TCL alone, weight 1", f"{_TCL} 1"),
    Row("tcl_weak", "TCL alone, weight 0.01", f"{_TCL} 0.01"),
    Row("tcl_content", "TCL alone, weight 1, target of the content", f"{_TCL} 1 --loss.target content"),
    Row("fds_ortho", "FDS, orthonormal", "--loss.frequency-norm ortho", "crspe"),
    Row("context_free", "free embeddings", "--model.context free"),
    Row("context_stride", "embeddings of single pixels", "--model.context stride"),
    Row("gain_one", "modulation by 1 + g", "--model.modulation 1+g"),
    Row("rate", "weights trained for rate", "--fit.rate 1"),
)
