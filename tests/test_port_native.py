"""Native losses in a program: where they are put, what they are named, and what they import."""

from __future__ import annotations

import libcst as cst
import pytest

from unified_loss.porting import decisions, known
from unified_loss.porting.result import Port
from unified_loss.porting.rewriting import rewrite
from unified_loss.porting.sites import survey

HEADS = tuple(head for heads in known.HEADS.values() for head in heads)

FUNCTION = """\
made = there.nn.MSELoss(reduction="none")


def loss(pred, label):
    losses = made(pred, label)
    return there.mean(losses)
"""


def native(
    text, imports=("import there",), setup="", expression="there.nn.MSELoss()", monkeypatch=None, **fields
):
    """The text with each loss made the given one."""
    fields = {"target": "there.nn.MSELoss", "verdict": "exact"} | fields

    def port(call, to, prove):
        assert (to, prove) == ("there", False)
        return Port(call, to, fields["target"], imports, setup, expression, (), "", fields["verdict"])

    found = survey(cst.parse_module(text), HEADS)
    made, left = decisions.decide(found, "there", "native", False, port)
    return rewrite(found, made), [(d.style, d.note) for d in made], left


def test_a_construction_becomes_the_expression_and_its_import():
    text = "from torch.nn import L1Loss  # a\n\nloss = L1Loss( )  # b\nfirst(L1Loss()(a, b))\n"
    after, outcomes, left = native(text)
    assert after == "import there\n\nloss = there.nn.MSELoss()  # b\nfirst(there.nn.MSELoss()(a, b))\n"
    assert outcomes == [("native", "")] * 2 and not left


def test_an_import_that_is_there_serves():
    text = "import there\nimport torch\nloss = torch.nn.L1Loss()\n"
    assert native(text)[0] == "import there\nloss = there.nn.MSELoss()\n"
    text = "import there as t, os\nimport torch\nloss = torch.nn.L1Loss()\n"
    assert native(text)[0] == "import there as t, os\nloss = t.nn.MSELoss()\n"


def test_a_function_that_a_loss_is_given_stays_and_that_is_said():
    given = "distance_function=nn.CosineSimilarity()"
    text = f"from torch import nn\nloss = nn.TripletMarginWithDistanceLoss({given})\n"
    found = survey(cst.parse_module(text), HEADS)
    for style in ("dialect", "native"):
        (made,), _ = decisions.decide(found, "paddle", style, False)
        assert made.style == "dialect"
        assert made.note.endswith(
            "distance_function=nn.CosineSimilarity() stays, and is called with the target's tensors"
        )
    known_distance = text.replace("CosineSimilarity", "PairwiseDistance")
    (made,), _ = decisions.decide(survey(cst.parse_module(known_distance), HEADS), "paddle", "native", False)
    assert made.style == "native" and "triplet_margin_loss" in made.port.native


def test_a_loss_that_holds_weights_becomes_the_dialects():
    text = "import torch\nloss = torch.nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3])\n"
    ((made,), left) = decisions.decide(survey(cst.parse_module(text), HEADS), "paddle", "native", False)
    assert made.style == "dialect" and "load_state" in made.note and not left


def test_an_import_inside_a_function_keeps_its_name():
    text = "import torch\ndef f():\n    import there\n    there.x\nloss = torch.nn.L1Loss()\n"
    after = native(text)[0]
    assert after == "import there\ndef f():\n    import there\n    there.x\nloss = there.nn.MSELoss()\n"
    assert "import there as the_there" in native(text + "there = 1\n")[0]


def test_a_name_that_is_taken_is_not_used():
    text = "import torch\nthere = torch.nn.L1Loss(), torch.ones(3)\n"
    after = native(text)[0]
    assert after == "import torch\nimport there as the_there\nthere = the_there.nn.MSELoss(), torch.ones(3)\n"
    text = "import torch.nn.functional as F\nloss = F.mse_loss(a, b), F.relu\n"
    after = native(text, ("import there.nn.functional as F",), expression="F.mse_loss")[0]
    assert after == (
        "import torch.nn.functional as F\nimport there.nn.functional as there_functional\n"
        "loss = there_functional.mse_loss(a, b), F.relu\n"
    )


def test_a_name_that_gets_free_is_used_again():
    text = "import torch.nn.functional as F\nloss = F.mse_loss(a, b)\n"
    after = native(text, ("import there.nn.functional as F",), expression="F.mse_loss")[0]
    assert after == "import there.nn.functional as F\nloss = F.mse_loss(a, b)\n"


def test_functions_are_defined_once_after_the_imports():
    text = (
        '"""Mine."""\n\nimport os\nfrom mxnet import gluon\n# about the net\nNET = 3\n'
        "loss = gluon.loss.HuberLoss()\nother = gluon.loss.HuberLoss()\n"
    )
    after, outcomes, _ = native(text, setup=FUNCTION, expression="loss", verdict="adapted")
    assert after == (
        '"""Mine."""\n\nimport os\nimport there\n\nmade = there.nn.MSELoss(reduction="none")\n\n\n'
        "def huber_loss(pred, label):\n    losses = made(pred, label)\n    return there.mean(losses)\n\n\n"
        "# about the net\nNET = 3\nloss = huber_loss\nother = huber_loss\n"
    )
    assert outcomes == [("native", "after the adaptation shown")] * 2


def test_what_two_losses_need_is_defined_once():
    text = "from mxnet import gluon\nx = gluon.loss.L1Loss()\ny = gluon.loss.L2Loss()\n"
    text += "z = gluon.loss.L2Loss(weight=2)\n"

    def port(call, to, prove):
        factor = {"weight": 1.0} | dict(call.parameters)
        setup = FUNCTION.replace("made(pred", f"{factor['weight']} * made(pred")
        return Port(call, to, "f", ("import there",), setup, "loss", (), "", "exact")

    found = survey(cst.parse_module(text), HEADS)
    after = rewrite(found, decisions.decide(found, "there", "native", False, port)[0])
    assert after.count("made = there") == 1 and after.count("made(pred, label)") == 2
    assert after.endswith("x = l1_loss\ny = l1_loss\nz = l2_loss\n")


def test_the_names_of_functions_are_free_ones():
    text = "from mxnet import gluon\nmade, huber_loss = 1, gluon.loss.HuberLoss()\n"
    after = native(text, setup=FUNCTION, expression="loss")[0]
    assert "made_2 = there.nn.MSELoss" in after and "losses = made_2(pred, label)" in after
    assert "def huber_loss_2(pred, label)" in after
    assert after.endswith("made, huber_loss = 1, huber_loss_2\n")


CALLS = {
    "F.l1_loss(a, b)": "there.f(a, b)",
    "F.l1_loss( a,  b )": "there.f( a,  b )",
    "F.l1_loss(target=b, input=a)": "there.f(a, b)",
    "F.l1_loss(a, target=b, reduction='sum')": "there.f(a, b)",
    "F.l1_loss(\n    a,  # ours\n    b,\n)": "there.f(\n    a,  # ours\n    b,\n)",
    "F.l1_loss(F.l1_loss(a, b), c).mean()": "there.f(there.f(a, b), c).mean()",
}


@pytest.mark.parametrize("call", CALLS)
def test_the_call_of_a_function_becomes_that_of_another(call):
    after = native(f"import torch.nn.functional as F\nx = {call}\n", expression="there.f")[0]
    assert after == f"import there\nx = {CALLS[call]}\n"


def test_what_is_bound_to_a_function_becomes_an_argument_of_its_call():
    text = (
        "import torch.nn.functional as F\nx = F.l1_loss(a, b, reduction='sum')\n"
        "y = F.l1_loss(target=b, input=a)\n"
    )
    after = native(
        text, ("import functools", "import there"), expression="functools.partial(there.f, k=2.0)"
    )[0]
    assert after == "import there\nx = there.f(a, b, k=2.0)\ny = there.f(a, b, k=2.0)\n"


def test_tensors_that_are_given_stay_in_the_order_of_the_source():
    text = "import torch.nn.functional as F\nF.binary_cross_entropy(p, weight=w, target=y)\n"
    assert native(text, expression="there.f")[0] == "import there\nthere.f(p, y, w)\n"


def test_what_is_no_name_is_put_in_parentheses_where_it_is_called():
    text = "import torch\ntorch.nn.L1Loss()(a, b), torch.nn.L1Loss()\n"
    after = native(text, expression="lambda a, b: there.f(b, a)")[0]
    assert after == "import there\n(lambda a, b: there.f(b, a))(a, b), lambda a, b: there.f(b, a)\n"


def test_what_a_loss_is_given_where_it_is_made_is_known():
    given = []

    def port(call, to, prove):
        given.append(call.given)
        return Port(call, to, "f", (), "", "f", (), "", "exact")

    text = "from mxnet import gluon\nloss = gluon.loss.L1Loss()\ngluon.loss.L1Loss()(a, label=b)(*c)\n"
    text += "gluon.loss.L1Loss()(*c)\ngluon.loss.L1Loss()\n"
    decisions.decide(survey(cst.parse_module(text), HEADS), "there", "native", False, port)
    assert given == [None, ("pred", "label")]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("import torch\nx = torch.nn.L1Loss(reduction=r)\n", "only known when the program runs"),
        ("import torch\nx = [torch.nn.L1Loss]\n", "is not called here"),
        ("import torch\nx = torch.nn.L1Loss()\nx(input=a, target=b)\n", "it is called by keywords"),
        ("import keras\nx = keras.losses.get(name)\n", "is no loss itself"),
    ],
)
def test_what_cannot_be_native_goes_through_the_dialect_and_says_why(text, note):
    after, ((style, said),), left = native(text)
    assert style == "dialect" and note in said and not left
    assert "unified_loss.dialects" in after and "there" not in after


def test_a_function_is_no_attribute_of_a_class():
    text = "import torch\nclass A:\n    loss = torch.nn.L1Loss()\n    def f(self):\n"
    text += "        self.other = torch.nn.L1Loss()\n"
    after, outcomes, _ = native(text, setup=FUNCTION, expression="loss")
    assert outcomes == [
        ("dialect", "as an attribute of a class, a function would be a method"),
        ("native", ""),
    ]
    assert "    loss = nn_losses.L1Loss()\n" in after and "        self.other = l1_loss\n" in after
    assert [style for style, _ in native(text)[1]] == ["native", "native"]


def test_what_has_no_equal_goes_through_the_dialect():
    text = "import torch\nx = torch.nn.L1Loss()\n"
    assert native(text, target=None)[1] == [("dialect", "there has no equal loss")]
    assert native(text, verdict="approximate")[1][0][0] == "dialect"
