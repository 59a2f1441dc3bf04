"""Google's bill is read as the console and BigQuery write it, and compared by day and model."""

from datetime import date
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from bot.domain.billing.bill import (
    BILLING_TIME_ZONE,
    BillRow,
    BillRowKind,
    DailySpending,
    DayRange,
    SkuNames,
    compare_bill,
    find_bill_days,
    sort_bill,
)
from bot.domain.billing.money import Micros, to_micros
from bot.google.billing_export import UnreadableBill, read_bill

PACIFIC: Final = ZoneInfo(BILLING_TIME_ZONE)
MODELS: Final = ("Veo 2", "Veo 3", "Veo 3.1", "Veo 3.1 Fast", "Gemini Omni 1.2 Flash")
HEADER: Final = (
    "Billing account name,Project name,Service description,Service ID,SKU description,SKU ID,"
    "Credit type,Cost type,Usage start date,Usage end date,Usage amount,Unrounded Cost ($),Cost ($)"
)
VEO: Final = (
    "Mine,clips,Gemini API,AEFD,Veo 3.1 Fast Video Generation,1A,,Usage,"
    '2026-11-02,2026-11-02,"1,200",1.2,1.20'
)
JUST_COLUMNS: Final = "Service description,SKU description,Usage start date,Cost ($)"


def read(text: str, rate: Decimal | None = None) -> tuple[BillRow, ...]:
    return read_bill(text.encode(), time_zone=PACIFIC, dollar_rate=rate)


def days(first: int, last: int | None = None) -> DayRange:
    return DayRange(date(2026, 11, first), date(2026, 11, last or first))


def usage(micros: int, when: DayRange, sku: str = "Veo 3.1 Video") -> BillRow:
    return BillRow(BillRowKind.USAGE, "Gemini API", sku, when, Micros(micros))


def test_cost_table_with_what_stands_above_and_below_it() -> None:
    text = "\r\n".join(
        (
            "\ufeffInvoice number,1234567890,",
            "Currency,USD,",
            'Total amount due,"$1,001.20",',
            HEADER,
            VEO,
            VEO.replace(",,Usage", ",Promotional credit,Usage").replace("1.2,1.20", "-0.5,-0.50"),
            ",,,,,,,Tax,,,,0.19,0.19",
            ",,,,,,,Rounding error,,,,-0.003441,-0.00",
            ",,,,,,,Total,,,,0.886559,0.89",
            "",
        )
    )
    found = [(row.kind, row.days, row.micros) for row in read(text)]
    assert found == [
        (BillRowKind.USAGE, days(2), 1_200_000),
        (BillRowKind.CREDIT, days(2), -500_000),
        (BillRowKind.TAX, None, 190_000),
        (BillRowKind.ADJUSTMENT, None, -3_441),
    ]


def test_columns_in_any_order_separated_by_semicolons() -> None:
    [row] = read(
        "cost;usage start date;SKU DESCRIPTION;Unknown;Service description\n"
        '"0,40 $";02.11.2026;"Veo 3.1; Video";x;Gemini API\n'
    )
    assert row == BillRow(
        BillRowKind.USAGE, "Gemini API", "Veo 3.1; Video", days(2), to_micros("0.4")
    )


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (("$1,234.50", "-$1.00", "0"), ("1234.5", "-1", "0")),
        (("1.234,50 €", "-1,00 €", "2"), ("1234.5", "-1", "2")),
        (("1,234", "5.25"), ("1234", "5.25")),
        (("1.234", "5,25"), ("1234", "5.25")),
        (("1,234,567", "2"), ("1234567", "2")),
        (("0,006", "1.234"), ("0.006", "1234")),
        (("0.006251", "1e-3", "1.5E-05"), ("0.006251", "0.001", "0.000015")),
        (("1\N{NARROW NO-BREAK SPACE}234,5", "\N{MINUS SIGN}1,5"), ("1234.5", "-1.5")),
        (("CHF 1\N{RIGHT SINGLE QUOTATION MARK}234.50", "(2.50)"), ("1234.5", "-2.5")),
    ],
)
def test_amounts_of_any_language(amounts: tuple[str, ...], expected: tuple[str, ...]) -> None:
    lines = [f'Gemini API,Veo 3.1,2026-11-02,"{each}"' for each in amounts]
    rows = read("\n".join([JUST_COLUMNS, *lines]))
    assert [row.micros for row in rows] == [to_micros(each) for each in expected]


def test_times_of_bigquery_are_days_of_pacific_time() -> None:
    text = (
        "service_description,sku_description,usage_start_time,usage_end_time,cost,currency,"
        "currency_conversion_rate,credits,cost_type\n"
        "Gemini API,Veo 3.1,2026-11-02 07:00:00 UTC,2026-11-02 08:00:00 UTC,1,USD,1,[],regular\n"
        "Gemini API,Veo 3.1,2026-11-02 08:00:00 UTC,2026-11-02 09:00:00 UTC,0.9,EUR,0.9,"
        '"[{""name"":""Trial"",""amount"":-0.45}]",regular\n'
        "Gemini API,Veo 3.1,2026-07-02T06:59:59Z,,1,USD,1,,regular\n"
    )
    rows = read(text)
    assert [(row.kind, row.days, row.micros) for row in rows] == [
        (BillRowKind.USAGE, days(1), 1_000_000),
        (BillRowKind.USAGE, days(2), 1_000_000),
        (BillRowKind.CREDIT, days(2), -500_000),
        (BillRowKind.USAGE, DayRange(date(2026, 7, 1), date(2026, 7, 1)), 1_000_000),
    ]


def test_another_currency_needs_its_exchange_rate() -> None:
    table = f"{JUST_COLUMNS.replace('$', '€')}\nGemini API,Veo 3.1,2026-11-02,9.00\n"
    with pytest.raises(UnreadableBill, match=r"line 2: .*EUR.*--rate"):
        read(table)
    assert read(table, Decimal("0.9"))[0].micros == to_micros("10")
    assert read(f"Currency exchange rate,0.9\n{table}")[0].micros == to_micros("10")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no header"),
        ("a,b\n1,2\n", "no header"),
        (JUST_COLUMNS, "no rows"),
        ("Service description,SKU description,Cost\nx,y,1\n", '"Usage start date"'),
        ("Service description,Cost\nx,1\n", 'columns "SKU description", "Usage start date"'),
        (f"{JUST_COLUMNS}\nGemini API,Veo 3.1,soon,1\n", 'line 2: "soon" is no date'),
        (f"{JUST_COLUMNS}\nGemini API,Veo 3.1,,1\n", 'line 2: "Usage start date" is empty'),
        (f"{JUST_COLUMNS}\nGemini API,Veo 3.1,2026-11-02,1.2.3\n", "line 2: .* is no amount"),
        (
            f'{JUST_COLUMNS}\nG,V,2026-11-02,"1,50"\nG,V,2026-11-02,1.50\n',
            "decimal commas, others decimal points",
        ),
    ],
)
def test_what_cannot_be_read_is_named(text: str, reason: str) -> None:
    with pytest.raises(UnreadableBill, match=reason):
        read(text)


def test_what_is_no_text_cannot_be_read() -> None:
    for content in (b"\xff\xfe\x00", b"PK\x03\x04\xff"):
        with pytest.raises(UnreadableBill):
            read_bill(content, time_zone=PACIFIC)


@pytest.mark.parametrize(
    ("sku", "model"),
    [
        ("Veo 3.1 Fast Video Generation 720p", "Veo 3.1 Fast"),
        ("Video generation, veo3.1, 1080p", "Veo 3.1"),
        ("veo-3.0-generate-001 seconds", "Veo 3"),
        ("Generate video output token count Omni 1.2 Flash", "Gemini Omni 1.2 Flash"),
        ("Gemini 1.2 Flash text output", None),
        ("Veo 4 Video", None),
        ("Odd name", "Veo 2"),
    ],
)
def test_skus_name_models(sku: str, model: str | None) -> None:
    assert SkuNames(MODELS, {"odd NAME ": "Veo 2"}).find_model(sku) == model


def test_rows_are_sorted_by_what_they_are_for() -> None:
    rows = [
        usage(400_000, days(2)),
        usage(9, days(3), "Text tokens"),
        usage(9, days(9)),
        BillRow(BillRowKind.USAGE, "Compute Engine", "E2 Core", days(3), Micros(7)),
        BillRow(BillRowKind.CREDIT, "Gemini API", "Veo 3.1 Video", days(3), Micros(-5)),
        BillRow(BillRowKind.CREDIT, "Compute Engine", "E2 Core", days(3), Micros(-1)),
        BillRow(BillRowKind.TAX, "", "", None, Micros(3)),
    ]
    bill = sort_bill(rows, SkuNames(MODELS, {}), find_bill_days(rows, None, date(2026, 11, 5)))
    assert bill.days == days(2, 5)
    assert bill.usage == (("Veo 3.1", rows[0]),)
    assert (bill.credits, bill.taxes, bill.rows_outside) == (-5, 3, 1)
    assert [(each.name, each.rows, each.micros) for each in bill.unknown_skus] == [
        ("Text tokens", 1, 9)
    ]
    assert [(each.name, each.rows, each.micros) for each in bill.other_services] == [
        ("Compute Engine", 2, 6)
    ]


def test_days_that_a_row_covers_are_compared_together() -> None:
    comparison = compare_bill(
        days(1, 10),
        [("Veo 3", usage(30, days(1, 3))), ("Veo 3", usage(5, days(3, 4)))],
        [DailySpending(date(2026, 11, day), "Veo 3", Micros(10)) for day in (2, 4, 7, 11)],
        tolerance=Decimal("0.01"),
    )
    assert [(line.days, line.billed, line.recorded) for line in comparison.lines] == [
        (days(1, 4), 35, 20),
        (days(7), 0, 10),
    ]
    assert comparison.total.difference == 5


@pytest.mark.parametrize(
    ("billed", "recorded", "agrees"),
    [
        (10_000_000, 10_100_000, True),
        (10_000_000, 9_899_999, False),
        (0, 10_000, True),
        (0, 10_001, False),
    ],
)
def test_tolerance_is_a_percentage_or_a_cent(billed: int, recorded: int, agrees: bool) -> None:
    comparison = compare_bill(
        days(1, 2),
        [("Veo 3", usage(billed, days(1)))],
        [DailySpending(date(2026, 11, 2), "Veo 3", Micros(recorded))],
        tolerance=Decimal("0.01"),
    )
    assert comparison.is_within_tolerance is agrees


def test_models_do_not_make_up_for_each_other() -> None:
    comparison = compare_bill(
        days(1),
        [("Veo 3", usage(100_000, days(1))), ("Veo 2", usage(0, days(1)))],
        [DailySpending(date(2026, 11, 1), "Veo 2", Micros(100_000))],
        tolerance=Decimal(0),
    )
    assert comparison.total.difference == 0
    assert not comparison.is_within_tolerance
