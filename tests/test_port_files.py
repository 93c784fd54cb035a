"""The losses in the text of a program: what is ported, what is left alone, and what stays as it was."""

from __future__ import annotations

import pytest

from unified_loss.porting import known
from unified_loss.porting.files import port_text

HEADS = tuple(head for heads in known.HEADS.values() for head in heads)
RUNS = "is only known when the program runs"
HIDDEN = f"is an argument or a variable here; what it is, {RUNS}"
DERIVED = "class Mine is derived from it, and may rely on how it is made"
BY_NAME = "a loss by its name, which keras looks up when the program runs"


LEFT_ALONE = {
    "star import": (
        "from torch.nn import *\nloss = MSELoss()\n",
        [
            (
                1,
                "from torch.nn import *",
                f"which names a star import binds {RUNS}",
            )
        ],
    ),
    "getattr": (
        "from torch import nn\nloss = getattr(nn, name)()\n",
        [(2, "getattr(nn, name)", f"what is taken from torch.nn {RUNS}")],
    ),
    "__dict__": (
        "from mxnet import gluon\nloss = gluon.loss.__dict__[name]()\n",
        [(2, "gluon.loss.__dict__", "a loss may be looked up in it when the program runs")],
    ),
    "a module under another name": (
        "import torch.nn.functional as F\nG = F\nG.mse_loss(a, b)\n",
        [
            (2, "G = F", "torch.nn.functional is given another name"),
            (
                3,
                "G.mse_loss",
                f"G {HIDDEN}",
            ),
        ],
    ),
    "a subclass": (
        "from keras.losses import Huber\nclass Mine(Huber):\n    pass\n",
        [(2, "Huber", DERIVED)],
    ),
    "a base class": (
        "import mxnet as mx\nclass Mine(mx.gluon.loss.Loss):\n    pass\n",
        [(2, "mx.gluon.loss.Loss", DERIVED)],
    ),
    "by its name": (
        'model.compile("adam", loss="mse")\nother.compile(loss=["mae", custom, "mse"])\n',
        [
            (1, '"mse"', BY_NAME),
            (2, '"mae"', BY_NAME),
            (2, '"mse"', BY_NAME),
        ],
    ),
    "by its full name": (
        'config = {"loss": "mxnet.gluon.loss.L1Loss"}\n',
        [(1, '"mxnet.gluon.loss.L1Loss"', "a loss by its name, which is looked up when the program runs")],
    ),
    "one of two imports": (
        "try:\n    from tensorflow import keras\nexcept ImportError:\n    import keras\n"
        "loss = keras.losses.Huber()\n",
        [
            (
                5,
                "keras.losses.Huber",
                "keras is bound more than once; this may be keras.losses.Huber or "
                "tensorflow.keras.losses.Huber",
            )
        ],
    ),
    "an import or nothing": (
        "try:\n    import optax\nexcept ImportError:\n    optax = None\nloss = optax.l2_loss(a)\n",
        [
            (
                5,
                "optax.l2_loss",
                "optax is bound more than once; this may be optax.l2_loss or the program's own",
            )
        ],
    ),
    "a shadowed name": (
        "from paddle import nn\ndef f(nn):\n    return nn.L1Loss()\n",
        [
            (
                3,
                "nn.L1Loss",
                f"nn {HIDDEN}",
            )
        ],
    ),
    "what gluon gives as F": (
        "from mxnet import gluon\nclass A(gluon.nn.HybridBlock):\n    def hybrid_forward(self, F, x):\n"
        "        return F.smooth_l1(x)\n",
        [
            (
                4,
                "F.smooth_l1",
                f"F {HIDDEN}",
            )
        ],
    ),
    "what only the native loss has": (
        "from torch import nn\ncriterion = nn.MSELoss()\ncriterion.cuda()\n",
        [(2, "nn.MSELoss()", "line 3 takes cuda from it, which only torch's own loss has")],
    ),
    "at once": (
        "from torch import nn\ncriterion = nn.MSELoss().to(device)\n",
        [(2, "nn.MSELoss()", "line 2 takes to from it, which only torch's own loss has")],
    ),
    "on an object": (
        "from mxnet import gluon\nclass A:\n    def __init__(self):\n"
        "        self.loss = gluon.loss.L1Loss()\n"
        "    def fast(self):\n        self.loss.hybridize()\n",
        [(4, "gluon.loss.L1Loss()", "line 6 takes hybridize from it, which only mxnet's own loss has")],
    ),
    "given to what wants its own": (
        "import mindspore as ms\nloss_fn = ms.nn.L1Loss()\nms.train.Model(net, loss_fn=loss_fn)\n",
        [
            (
                2,
                "ms.nn.L1Loss()",
                "line 3 gives it to mindspore.train.Model, which takes only mindspore's own",
            )
        ],
    ),
    "in a container": (
        "from torch import nn\nlosses = nn.ModuleDict({'a': nn.L1Loss()})\n",
        [
            (
                2,
                "nn.L1Loss()",
                "line 2 gives it to torch.nn.ModuleDict, which takes only torch's own",
            )
        ],
    ),
    "assigned to": (
        "from mxnet import gluon\ngluon.loss.L1Loss = Mine\n",
        [(2, "gluon.loss.L1Loss", "something else is assigned to it")],
    ),
    "a wrong keyword": (
        "import torch\ntorch.nn.HuberLoss(rho=1.0)\n",
        [
            (
                2,
                "torch.nn.HuberLoss(rho=1.0)",
                "torch.nn.HuberLoss: unknown argument 'rho'; it has: reduction, delta",
            )
        ],
    ),
    "a wrong value": (
        'import torch\ntorch.nn.HuberLoss(reduction="avg")\n',
        [
            (
                2,
                'torch.nn.HuberLoss(reduction="avg")',
                "torch.nn.HuberLoss: reduction: unknown reduction 'avg', expected one of 'none', "
                "'mean', 'sum'",
            )
        ],
    ),
    "a name that no dialect has": (
        "import mxnet as mx\nmx.ndarray.softmax_cross_entropy(a, b)\n",
        [
            (
                2,
                "mx.ndarray.softmax_cross_entropy",
                "no dialect has a loss named mxnet.ndarray.softmax_cross_entropy",
            )
        ],
    ),
}


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_what_cannot_be_decided_is_left_alone_and_listed(case):
    text, expected = LEFT_ALONE[case]
    after, found = port_text(text, HEADS, "torch")
    assert after == text
    assert [(f.line, f.code, f.reason) for f in found] == expected
    assert {f.outcome for f in found} == {"left alone"}


# ------------------------------------------------------------------------------ what is decided


PORTED = {
    "dynamic arguments": (
        "import torch.nn as nn\nloss = nn.HuberLoss(delta=args.delta, **more)\n",
        "import unified_loss.dialects.torch.nn as nn\nloss = nn.HuberLoss(delta=args.delta, **more)\n",
    ),
    "one name of several": (
        "from torch.nn import (\n    Linear,  # a layer\n    MSELoss,  # a loss\n)\nMSELoss(), Linear\n",
        "from torch.nn import (\n    Linear,  # a layer\n)\n"
        "from unified_loss.dialects.torch.nn import (\n    MSELoss,  # a loss\n)\nMSELoss(), Linear\n",
    ),
    "all names": (
        "from torch.nn import (L1Loss,\n                      MSELoss as M)\nL1Loss(); M()\n",
        "from unified_loss.dialects.torch.nn import (L1Loss,\n                      MSELoss as M)\n"
        "L1Loss(); M()\n",
    ),
    "a module used for more": (
        "import torch\n\nloss = torch.nn.L1Loss()(torch.ones(3), y)\n",
        "import torch\nfrom unified_loss.dialects.torch import nn as nn_losses\n\n"
        "loss = nn_losses.L1Loss()(torch.ones(3), y)\n",
    ),
    "a module used for losses alone": (
        "# mine\nimport mxnet as mx\n\nloss = mx.gluon.loss.L1Loss()\n",
        "# mine\nfrom unified_loss.dialects.mxnet.gluon import loss as gluon_loss\n\n"
        "loss = gluon_loss.L1Loss()\n",
    ),
    "a package that has the losses": (
        "from mxnet import gluon\nloss = gluon.loss.L1Loss()\n",
        "from unified_loss.dialects.mxnet import gluon\nloss = gluon.loss.L1Loss()\n",
    ),
    "a package of one name": (
        "import optax, numpy\nloss = optax.l2_loss(numpy.ones(3))\n",
        "import numpy\nfrom unified_loss.dialects import optax\nloss = optax.l2_loss(numpy.ones(3))\n",
    ),
    "inside a function": (
        "def f():\n    from paddle.nn import L1Loss\n    return L1Loss()\n",
        "def f():\n    from unified_loss.dialects.paddle.nn import L1Loss\n    return L1Loss()\n",
    ),
    "inside a function, used for more": (
        '"""Mine."""\nimport os\n\ndef f():\n    import paddle\n'
        "    return paddle.nn.L1Loss()(paddle.ones([2]), paddle.ones([2]))\n",
        '"""Mine."""\nimport os\nfrom unified_loss.dialects.paddle import nn as nn_losses\n\ndef f():\n'
        "    import paddle\n    return nn_losses.L1Loss()(paddle.ones([2]), paddle.ones([2]))\n",
    ),
    "a taken name": (
        "import torch\nnn_losses = 3\nloss = torch.nn.L1Loss(), torch.ones\n",
        "import torch\nfrom unified_loss.dialects.torch import nn as nn_losses_2\nnn_losses = 3\n"
        "loss = nn_losses_2.L1Loss(), torch.ones\n",
    ),
    "a name that is passed on": (
        "from tensorflow import keras\nmetrics = [keras.losses.mse, keras.losses.get(name)]\nkeras.Model\n",
        "from tensorflow import keras\n"
        "from unified_loss.dialects.tensorflow.keras import losses as keras_losses\n"
        "metrics = [keras_losses.mse, keras_losses.get(name)]\nkeras.Model\n",
    ),
    "an import for others": (
        "from torch.nn import L1Loss\n__all__ = ['L1Loss']\n",
        "from unified_loss.dialects.torch.nn import L1Loss\n__all__ = ['L1Loss']\n",
    ),
    "an import on a line with others": (
        "import os; from torch.nn import L1Loss; L1Loss()  # all\n",
        "import os; from unified_loss.dialects.torch.nn import L1Loss; L1Loss()  # all\n",
    ),
    "the only line of a block": (
        "if fast:\n    import mxnet as mx\nloss = mx.gluon.loss.L1Loss()\n",
        "if fast:\n    pass\nfrom unified_loss.dialects.mxnet.gluon import loss as gluon_loss\n"
        "loss = gluon_loss.L1Loss()\n",
    ),
    "a comment above an import that goes": (
        "import os\n\n# for the loss\nimport mxnet as mx\nimport sys\nmx.gluon.loss.L1Loss()\n",
        "import os\n\n# for the loss\nfrom unified_loss.dialects.mxnet.gluon import loss as gluon_loss\n"
        "import sys\ngluon_loss.L1Loss()\n",
    ),
    "losses in losses": (
        "import torch.nn.functional as F\nF.relu(F.mse_loss(F.l1_loss(a, b), c))\n",
        "import torch.nn.functional as F\n"
        "from unified_loss.dialects.torch.nn import functional as functional_losses\n"
        "F.relu(functional_losses.mse_loss(functional_losses.l1_loss(a, b), c))\n",
    ),
    "a loss given to a function": (
        "import torch\n"
        "print(torch.nn.L1Loss()), train([torch.nn.L1Loss()], torch.sum(torch.nn.L1Loss()(a, b)))\n",
        "import torch\nfrom unified_loss.dialects.torch import nn as nn_losses\n"
        "print(nn_losses.L1Loss()), train([nn_losses.L1Loss()], torch.sum(nn_losses.L1Loss()(a, b)))\n",
    ),
    "lines that end as elsewhere": (
        "import torch\r\n\r\nloss = torch.nn.L1Loss(\r\n\treduction='sum')\r\ntorch.ones",
        "import torch\r\nfrom unified_loss.dialects.torch import nn as nn_losses\r\n\r\n"
        "loss = nn_losses.L1Loss(\r\n\treduction='sum')\r\ntorch.ones",
    ),
}


@pytest.mark.parametrize("case", PORTED)
def test_what_is_decided_is_ported_and_the_rest_stays_as_it_is(case):
    text, expected = PORTED[case]
    after, found = port_text(text, HEADS, "numpy")
    assert after == expected
    assert "left alone" not in {finding.outcome for finding in found}
    again, nothing = port_text(after, HEADS, "numpy")
    assert (again, nothing) == (after, ())


def test_only_the_losses_of_the_framework_that_is_named_are_ported():
    text = "import optax\nfrom torch.nn import L1Loss\nL1Loss(), optax.l2_loss(a)\n"
    after, found = port_text(text, known.sources("paddle", "torch"), "paddle")
    assert [finding.column for finding in found] == [1] and "import optax\n" in after
    after, found = port_text(text, known.sources("torch", None), "torch")
    assert [finding.column for finding in found] == [11] and "from torch.nn" in after
    assert port_text(text, known.sources("torch", "mxnet"), "torch") == (text, ())
