"""Every kind of bad submission has its named error; every good one is read in the order of test.csv."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aide_local.evaluate.form import Form
from aide_local.evaluate.predictions import PredictionsError, Wanted, parse
from aide_local.evaluate.prepared import new_ids
from aide_local.task import Kind, Predict

N = 40
IDS = [f"r{at:06d}" for at in range(100, 100 + N)]
VALUES = Form(Kind.REGRESSION, Predict.VALUE, ("price",), (), 1)
CHANCE = Form(Kind.BINARY, Predict.PROBABILITY, ("yes",), ("no", "yes"), 1)
CLASSES = Form(Kind.MULTICLASS, Predict.PROBABILITY, ("a", "b", "c"), ("a", "b", "c"), 1)
LABELS = Form(Kind.MULTICLASS, Predict.LABEL, ("grade",), ("001", "002", "010"), 1)
SEVERAL = Form(Kind.MULTILABEL, Predict.LABEL, ("red", "blue"), (), 2)


def wanted(form: Form, most_frequent: float = 0.4) -> Wanted:
    return Wanted("key", new_ids(100, N), form, most_frequent)


def good(form: Form) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    soft = rng.dirichlet(np.ones(max(2, form.width)), size=N)
    if form.predict is Predict.LABEL and not form.several:
        return pd.DataFrame({"key": IDS, "grade": np.array(form.classes)[soft.argmax(axis=1)]})
    if form.predict is Predict.LABEL:
        soft = (soft > 0.5).astype(int)
    return pd.DataFrame({"key": IDS, **{name: soft[:, at] for at, name in enumerate(form.outputs)}})


def content(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_csv(buffer, index=False)
    return buffer.getvalue()


def error_of(raw: bytes | pd.DataFrame, form: Form = VALUES, most_frequent: float = 0.4) -> tuple[str, str]:
    with pytest.raises(PredictionsError) as caught:
        parse(raw if isinstance(raw, bytes) else content(raw), wanted(form, most_frequent))
    assert caught.value.error.kind == "predictions"
    assert len(caught.value.error.message) <= 500
    return caught.value.error.type, caught.value.error.message


ALL = pytest.mark.parametrize("form", [VALUES, CHANCE, CLASSES, LABELS, SEVERAL])


@ALL
def test_a_submission_in_the_sample_s_form_is_read(form: Form) -> None:
    soft = parse(content(good(form)), wanted(form))
    assert soft.shape == (N, form.width)


@ALL
def test_neither_row_order_nor_column_order_nor_further_columns_matter(form: Form) -> None:
    frame = good(form)
    other = frame.sample(frac=1.0, random_state=1)[list(frame.columns)[::-1]]
    other.insert(0, "Unnamed: 0", np.arange(N))
    assert (parse(content(other), wanted(form)) == parse(content(frame), wanted(form))).all()


@given(st.lists(st.floats(-1e300, 1e300), min_size=N, max_size=N, unique=True))
def test_values_are_read_to_the_last_bit(values: list[float]) -> None:
    soft = parse(content(good(VALUES).assign(price=values)), wanted(VALUES))
    assert soft[:, 0].tolist() == values


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    raw = content(good(VALUES))
    changed = b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n")
    assert (parse(changed, wanted(VALUES)) == parse(raw, wanted(VALUES))).all()


@pytest.mark.parametrize("raw", [b"", b"\n \n"])
def test_an_empty_file(raw: bytes) -> None:
    assert error_of(raw)[0] == "EmptyFile"


def test_a_file_that_is_not_text() -> None:
    name, message = error_of(b"key,price\nr000100,\xff\n")
    assert name == "NotUtf8"
    assert "0xff" in message


@pytest.mark.parametrize("tail", [b"r000100,1,2\n", b"r000100\n", b'r000100,"1\n'])
def test_a_file_that_is_not_csv(tail: bytes) -> None:
    assert error_of(b"key,price\n" + tail)[0] in ("NotCsv", "WrongRowCount", "NotNumeric")


def test_a_missing_column_is_named_with_those_found() -> None:
    name, message = error_of(good(VALUES).rename(columns={"price": "prediction"}))
    assert name == "MissingColumns"
    assert "'price'" in message
    assert "'prediction'" in message


def test_a_column_that_is_there_twice() -> None:
    assert error_of(content(good(VALUES)).replace(b"key,price", b"price,price", 1))[0] == "MissingColumns"
    twice = "key,price,price\n" + "".join(f"{one},1,2\n" for one in IDS)
    assert error_of(twice.encode())[0] == "DuplicateColumns"


def test_too_few_rows() -> None:
    name, message = error_of(good(VALUES)[:-3])
    assert name == "WrongRowCount"
    assert "37" in message
    assert "40" in message


def test_too_many_rows() -> None:
    frame = good(VALUES)
    assert error_of(pd.concat([frame, frame]))[0] == "WrongRowCount"


def test_a_header_alone() -> None:
    assert error_of(b"key,price\n")[0] == "WrongRowCount"


def test_ids_that_were_made_up() -> None:
    name, message = error_of(good(VALUES).assign(key=range(N)))
    assert name == "UnknownIds"
    assert "'0'" in message


def test_an_id_that_is_there_twice() -> None:
    frame = good(VALUES)
    frame.loc[5, "key"] = IDS[3]
    name, message = error_of(frame)
    assert name == "DuplicateIds"
    assert IDS[3] in message
    assert IDS[5] in message


@pytest.mark.parametrize("missing", [np.nan, None, "", "NaN", "None"])
@pytest.mark.parametrize("form", [VALUES, CHANCE, CLASSES, LABELS, SEVERAL])
def test_a_missing_value_is_named_with_its_id(form: Form, missing: object) -> None:
    frame = good(form).astype(object)
    frame.loc[7, form.outputs[-1]] = missing
    name, message = error_of(frame, form)
    assert name == "MissingValues"
    assert IDS[7] in message


@pytest.mark.parametrize("form", [VALUES, CHANCE, CLASSES, SEVERAL])
def test_text_where_numbers_are_wanted(form: Form) -> None:
    frame = good(form).astype(object)
    frame.loc[9, form.outputs[0]] = "expensive"
    name, message = error_of(frame, form)
    assert name == "NotNumeric"
    assert "'expensive'" in message
    assert IDS[9] in message


@pytest.mark.parametrize("infinite", ["inf", "-inf", "1e999"])
def test_infinite_values(infinite: str) -> None:
    frame = good(VALUES).astype(object)
    frame.loc[9, "price"] = infinite
    assert error_of(frame)[0] == "InfiniteValues"


@ALL
def test_one_prediction_for_all_rows(form: Form) -> None:
    frame = good(form)
    for name in form.outputs:
        frame[name] = frame[name].iloc[0]
    name, message = error_of(frame, form)
    assert name == "ConstantPredictions"
    assert "100.0%" in message


def test_one_value_for_more_than_95_per_cent_of_the_rows() -> None:
    frame = good(VALUES)
    frame.loc[1:, "price"] = 3.5
    assert error_of(frame)[0] == "ConstantPredictions"
    frame = good(VALUES)
    frame.loc[3:, "price"] = 3.5
    assert parse(content(frame), wanted(VALUES)).shape == (N, 1)


def test_values_may_be_as_uneven_as_the_truth() -> None:
    frame = good(VALUES)
    frame.loc[1:, "price"] = 0.0
    assert parse(content(frame), wanted(VALUES, most_frequent=0.98)).shape == (N, 1)


def test_labels_may_be_very_uneven() -> None:
    frame = good(LABELS).assign(grade="002")
    frame.loc[0, "grade"] = "001"
    assert parse(content(frame), wanted(LABELS))[:, 1].sum() == N - 1


def test_constant_predictions_of_a_constant_truth_are_right() -> None:
    frame = good(VALUES).assign(price=1.0)
    assert parse(content(frame), wanted(VALUES, most_frequent=1.0)).shape == (N, 1)


@pytest.mark.parametrize("value", [-0.2, 1.3, 87.0])
@pytest.mark.parametrize("form", [CHANCE, CLASSES])
def test_a_probability_outside_0_and_1(form: Form, value: float) -> None:
    frame = good(form)
    frame.loc[4, form.outputs[0]] = value
    name, message = error_of(frame, form)
    assert name == "OutOfRange"
    assert IDS[4] in message


def test_class_probabilities_that_do_not_sum_to_one() -> None:
    frame = good(CLASSES)
    frame.loc[4, ["a", "b", "c"]] = (0.9, 0.9, 0.9)
    name, message = error_of(frame, CLASSES)
    assert name == "NotNormalised"
    assert "2.7" in message


def test_class_probabilities_that_nearly_sum_to_one_are_divided_by_their_sum() -> None:
    frame = good(CLASSES)
    frame[["a", "b", "c"]] *= 1.005
    assert parse(content(_clipped(frame)), wanted(CLASSES)).sum(axis=1) == pytest.approx(np.ones(N))


def _clipped(frame: pd.DataFrame) -> pd.DataFrame:
    frame[["a", "b", "c"]] = frame[["a", "b", "c"]].clip(upper=1.0)
    return frame


def test_a_label_that_is_no_class_is_named_with_the_classes() -> None:
    frame = good(LABELS)
    frame.loc[2, "grade"] = "003"
    name, message = error_of(frame, LABELS)
    assert name == "UnknownLabel"
    assert "'003'" in message
    assert "'010'" in message


def test_a_label_column_that_holds_neither_0_nor_1() -> None:
    frame = good(SEVERAL).astype({"red": float, "blue": float})
    frame.loc[2, "blue"] = 0.5
    assert error_of(frame, SEVERAL)[0] == "UnknownLabel"


@pytest.mark.parametrize("spell", [str, int, float])
def test_classes_that_pandas_read_as_numbers_are_still_met(spell: type) -> None:
    frame = good(LABELS)
    soft = parse(content(frame), wanted(LABELS))
    changed = frame.assign(grade=[spell(value) for value in frame["grade"]])
    assert (parse(content(changed), wanted(LABELS)) == soft).all()


def test_classes_that_pandas_read_as_booleans_are_still_met() -> None:
    form = Form(Kind.BINARY, Predict.LABEL, ("grade",), ("false", "true"), 1)
    frame = good(form)
    soft = parse(content(frame), wanted(form))
    changed = frame.assign(grade=frame["grade"] == "true")
    assert (parse(content(changed), wanted(form)) == soft).all()


def test_of_two_probability_columns_the_second_class_s_is_kept() -> None:
    form = Form(Kind.BINARY, Predict.PROBABILITY, ("no", "yes"), ("no", "yes"), 1)
    frame = good(CHANCE)
    frame["no"] = 1.0 - frame["yes"]
    assert parse(content(frame), wanted(form))[:, 0] == pytest.approx(frame["yes"].to_numpy())


@given(st.binary(max_size=300))
def test_no_bytes_whatsoever_raise_anything_but_a_named_error(raw: bytes) -> None:
    for body in (raw, b"key,price\n" + raw):
        with pytest.raises(PredictionsError):
            parse(body, wanted(VALUES))


@given(st.text(max_size=40))
def test_any_text_in_a_cell_is_a_named_error_or_a_number(text: str) -> None:
    frame = good(VALUES).astype(object)
    frame.loc[0, "price"] = text
    try:
        raw = content(frame)
    except UnicodeEncodeError:  # pandas cannot write a lone surrogate
        return
    try:
        soft = parse(raw, wanted(VALUES))
    except PredictionsError as error:
        found = error.error
    else:
        assert np.isfinite(soft).all()
        return
    assert found.type in ("NotNumeric", "MissingValues", "InfiniteValues", "NotCsv", "WrongRowCount")
    assert found.message.replace("\n", "").isprintable()
