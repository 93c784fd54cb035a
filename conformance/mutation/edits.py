"""Small changes of a function's syntax tree, each of which makes it compute something else."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Mod: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}

_NEAR = {
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "max": ("min",),
    "min": ("max",),
    "even_max": ("max",),
    "sum": ("mean",),
    "mean": ("sum",),
    "log": ("log1p",),
    "log1p": ("log",),
    "relu": ("abs",),
    "abs": ("relu",),
    "sqrt": ("square",),
    "square": ("abs",),
    "softplus": ("relu",),
    "log_sigmoid": ("sigmoid",),
    "sigmoid": ("log_sigmoid",),
    "softmax": ("log_softmax",),
    "log_softmax": ("softmax",),
    "logsumexp": ("max",),
    "logical_and": ("logical_or",),
    "logical_or": ("logical_and",),
    "any": ("all",),
    "all": ("any",),
    "isinf": ("isnan",),
    "isnan": ("isinf",),
    "stack": ("concat",),
}
"""Operations, and those that may be mistaken for them."""

_UNARY = {
    "abs", "acos", "clip", "cos", "cumulative_sum", "exp", "log", "log1p", "log_sigmoid",
    "log_softmax", "logical_not", "pow", "positive_part", "relu", "sigmoid", "softmax", "softplus", "sort",
    "sqrt", "square", "stop_gradient",
}  # fmt: skip
"""Operations that may be left out; not a cast, whose need depends on how a framework promotes."""

_SWAPPED = {"where": 1, "xlogy": 0, "multiply_no_nan": 0, "matmul": 0}
"""Operations of arguments of one sort, and the first of these."""

_SYMMETRIC = {"zip", "min", "max", "isinstance", "_known", "_equal"}
"""Functions of which the order of the arguments says nothing, or whose arguments are of several sorts."""

_DROPPED_KEYWORDS = {"min", "max", "keepdims", "ord", "gradient_at_zero"}


@dataclass(frozen=True, eq=False)
class _Slot:
    """A place in the tree: a field of a node, or an entry of a field that is a list."""

    owner: ast.AST
    field: str
    index: int | None = None

    def get(self) -> Any:
        value = getattr(self.owner, self.field)
        return value if self.index is None else value[self.index]

    def set(self, value: Any) -> None:
        if self.index is None:
            setattr(self.owner, self.field, value)
        else:
            getattr(self.owner, self.field)[self.index] = value


@dataclass(frozen=True, eq=False)
class Edit:
    """One change of one function.

    Parameters
    ----------
    statement : the source of the statement that is changed, of a compound one its first line
    lines : its first and last line
    before, after : what is changed to what
    slot, replacement : the same in the tree
    """

    statement: str
    lines: tuple[int, int]
    before: str
    after: str
    slot: _Slot
    replacement: Any
    number: int = 1
    """Which of several of this description in the function."""

    @property
    def change(self) -> str:
        """In words."""
        which = "" if self.number == 1 else f" ({self.number})"
        return f"{self.before} -> {self.after}{which}"

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The tree with the change, within a ``with`` block."""
        original = self.slot.get()
        self.slot.set(self.replacement)
        try:
            yield
        finally:
            self.slot.set(original)


def edits_of(function: ast.FunctionDef) -> Iterator[Edit]:
    """All changes of a function, in the order of its source.

    What only decides which calls are refused is left alone: a test whose branch does nothing but
    raise, what the error says, and functions that give nothing but errors.
    """
    if _only_refuses(function):
        return
    seen: dict[tuple[str, str, str], int] = {}
    assigned = {a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    for edit in _in_body(function, "body", assigned):
        key = (edit.statement, edit.before, edit.after)
        seen[key] = seen.get(key, 0) + 1
        yield dataclasses.replace(edit, number=seen[key])


def _in_body(owner: ast.AST, field: str, assigned: set[str]) -> Iterator[Edit]:
    for index, statement in enumerate(getattr(owner, field)):
        slot = _Slot(owner, field, index)
        if isinstance(statement, ast.Raise) or _only_raises(statement) or _is_docstring(statement):
            continue
        header = _header(statement)
        for inner, replacement, before, after in _of_statement(statement, slot, assigned):
            located = ast.fix_missing_locations(ast.copy_location(replacement, inner.get()))
            yield Edit(header, _lines(statement), before, after, inner, located)
        for name in ("body", "orelse", "finalbody"):
            if isinstance(statement, ast.stmt) and isinstance(getattr(statement, name, None), list):
                names = set(assigned)
                if isinstance(statement, ast.FunctionDef):
                    names |= {a.arg for a in statement.args.args}
                yield from _in_body(statement, name, names)
        if isinstance(statement, ast.Assign):
            assigned |= {n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name)}


def _only_raises(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.If):
        return False
    return all(isinstance(s, ast.Raise) for s in statement.body) and not statement.orelse


def _only_refuses(function: ast.FunctionDef) -> bool:
    gives_nothing = function.returns is not None and ast.unparse(function.returns) == "None"
    return gives_nothing and any(isinstance(node, ast.Raise) for node in ast.walk(function))


def _is_refusal(call: ast.Call) -> bool:
    """Whether a call whose result is not used can only raise."""
    name = ast.unparse(call.func).rpartition(".")[2].lstrip("_")
    return name.startswith(("check", "refuse", "warn")) or name == "leave_none_out"


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _header(statement: ast.stmt) -> str:
    return ast.unparse(statement).splitlines()[0]


def _lines(statement: ast.stmt) -> tuple[int, int]:
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body:
        return statement.lineno, max(statement.lineno, body[0].lineno - 1)
    return statement.lineno, statement.end_lineno or statement.lineno


_Change = tuple[_Slot, ast.AST, str, str]


def _of_statement(statement: ast.stmt, slot: _Slot, assigned: set[str]) -> Iterator[_Change]:
    """The changes of a statement itself, its nested statements left out."""
    if isinstance(statement, ast.If):
        for value in (True, False):
            text = ast.unparse(statement.test)
            yield _Slot(statement, "test"), ast.Constant(value), f"if {text}", f"if {value}"
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        if _is_refusal(statement.value):
            return
        yield slot, ast.Pass(), ast.unparse(statement), "nothing"
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name) and target.id in assigned:
            yield slot, ast.Pass(), ast.unparse(statement), "nothing"
    if isinstance(statement, ast.AugAssign) and type(statement.op) in _ARITHMETIC:
        replaced = ast.AugAssign(statement.target, _ARITHMETIC[type(statement.op)](), statement.value)
        yield slot, replaced, ast.unparse(statement), ast.unparse(ast.fix_missing_locations(replaced))
    for inner in _slots(statement):
        yield from _of_expression(inner)


def _slots(node: ast.AST) -> Iterator[_Slot]:
    """The expressions in a node; not annotations, decorators, defaults, or nested statements."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
            continue
        for slot in _each(node, name, value):
            held = slot.get()
            if isinstance(held, ast.expr):
                yield slot
            elif isinstance(held, ast.keyword | ast.comprehension | ast.withitem):
                yield from _slots(held)


def _each(node: ast.AST, name: str, value: Any) -> Iterator[_Slot]:
    if isinstance(value, list):
        yield from (_Slot(node, name, i) for i in range(len(value)))
    elif isinstance(value, ast.AST):
        yield _Slot(node, name)


def _of_expression(slot: _Slot, *, even: bool = False) -> Iterator[_Change]:
    """The changes of an expression; of one that an even function is applied to, not its sign."""
    node = slot.get()
    if isinstance(node, ast.JoinedStr):
        return
    before = ast.unparse(node)
    for replacement in _replacements(node):
        if even and _is_swapped(node, replacement):
            continue
        after = ast.unparse(ast.fix_missing_locations(ast.copy_location(replacement, node)))
        if after != before:
            yield slot, replacement, before, after
    if isinstance(node, ast.UnaryOp) and _number(node) is not None:
        return  # changed as a whole
    if isinstance(node, ast.Lambda):
        yield from _of_expression(_Slot(node, "body"))
        return
    applied = isinstance(node, ast.Call) and _operation(node) in ("abs", "square")
    for inner in _slots(node):
        yield from _of_expression(inner, even=applied)


def _is_swapped(node: ast.expr, other: ast.expr) -> bool:
    """Whether one is a difference, and the other the same with its sides exchanged."""
    if not (isinstance(node, ast.BinOp) and isinstance(other, ast.BinOp) and isinstance(node.op, ast.Sub)):
        return False
    return isinstance(other.op, ast.Sub) and node.left is other.right


def _number(node: ast.AST) -> int | float | None:
    """The number that an expression spells, with its sign; None if it is none."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        number: Any = node.value
        return number  # type: ignore[no-any-return]
    return None


def _spelled(value: float) -> ast.expr:
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)


def _replacements(node: ast.AST) -> Iterator[ast.expr]:
    number = _number(node)
    if number is not None:
        yield _spelled(number + 1 if isinstance(number, int) else number * 1.01 if number else 0.01)
        if isinstance(node, ast.UnaryOp):
            yield _spelled(-number)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    elif isinstance(node, ast.BinOp):
        yield from _of_arithmetic(node)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in _COMPARISONS[type(node.ops[0])]:
            yield ast.Compare(node.left, [other()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield from _of_logic(node)
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.Slice):
        yield ast.Slice(None, node.upper, node.step)
        yield ast.Slice(node.lower, None, node.step)


def _of_arithmetic(node: ast.BinOp) -> Iterator[ast.expr]:
    if any(isinstance(x, ast.JoinedStr) for x in ast.walk(node)):
        return
    if type(node.op) in _ARITHMETIC:
        yield ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
    if isinstance(node.op, ast.Sub | ast.Div):
        yield ast.BinOp(node.right, node.op, node.left)
    yield node.left
    if isinstance(node.op, ast.Add | ast.Mult):
        yield node.right


def _of_logic(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for i in range(len(node.values)):
        rest = [*node.values[:i], *node.values[i + 1 :]]
        yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _of_call(node: ast.Call) -> Iterator[ast.expr]:
    operation = _operation(node)
    if operation is not None:
        for other in _NEAR.get(operation, ()):
            function = ast.Attribute(node.func.value, other, ast.Load())  # type: ignore[attr-defined]
            yield ast.Call(function, node.args, node.keywords)
        if operation in _UNARY and node.args:
            yield node.args[0]
    for i in range(_first_swapped(node, operation), len(node.args) - 1):
        if any(isinstance(x, ast.Starred) for x in node.args[i : i + 2]):
            continue
        swapped = [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]]
        yield ast.Call(node.func, swapped, node.keywords)
    for keyword in node.keywords:
        all_axes = keyword.arg == "axis" and operation in ("sum", "mean")
        if operation is not None and (all_axes or keyword.arg in _DROPPED_KEYWORDS):
            yield ast.Call(node.func, node.args, [k for k in node.keywords if k is not keyword])


def _first_swapped(node: ast.Call, operation: str | None) -> int:
    """The first of the arguments of which two neighbours may be mistaken for each other."""
    if operation is not None:
        return _SWAPPED.get(operation, len(node.args))
    if ast.unparse(node.func) in _SYMMETRIC:
        return len(node.args)
    return int(bool(node.args) and ast.unparse(node.args[0]) in ("ops", "backend"))


def _operation(node: ast.Call) -> str | None:
    """The name of the operation that is called; None if it is another function."""
    function = node.func
    if isinstance(function, ast.Attribute) and ast.unparse(function.value) in ("ops", "self.ops", "backend"):
        return function.attr
    return None
