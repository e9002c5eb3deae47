"""What numbers count: units with their factor to the base unit of their kind, both languages."""

from decimal import Decimal
from typing import Final

DAY: Final = 1440  # durations are compared in minutes

_ROWS: Final = (
    # names, factor to the kind's base unit, kind, unit name
    ("毛钱 毛 角", Decimal("0.1"), "money", "money"),
    ("刻钟", 15, "time", "minute"),
    ("元 块钱 块 rmb 人民币 $ usd dollars dollar bucks buck £ € yuan", 1, "money", "money"),
    ("pounds pound quid euros euro cny ￥ ¥", 1, "money", "money"),
    ("分钟 minutes minute mins min", 1, "time", "minute"),
    ("个小时 小时 个钟头 钟头 hours hour hrs hr", 60, "time", "hour"),
    ("个工作日 工作日 个交易日 交易日 个自然日 天 日 days day", DAY, "time", "day"),
    ("个星期 星期 个礼拜 礼拜 周 weeks week", 7 * DAY, "time", "week"),
    ("个月 月 months month mos mo", 30 * DAY, "time", "month"),
    ("周年 年 years year yrs yr", 360 * DAY, "time", "year"),
    ("周岁 岁", 1, "age", "age"),
    ("% percent 个百分点 个点", 1, "percent", "percent"),
    ("成", 10, "percent", "percent"),
    ("mbps meg megs mb m 兆", 1, "speed", "speed"),
    ("gbps gigabit", 1000, "speed", "speed"),
    ("gb gigabytes gigabyte gigs gig g", 1, "data", "data"),
    ("次 回 趟 times", 1, "times", "times"),
    ("倍 倍数 x", 1, "multiple", "multiple"),
    ("点钟 点整 点 时 o'clock am pm a.m. p.m.", 1, "clock", "clock"),
    ("平米 平方米 平方 平 sqm", 1, "area", "area"),
    ("公里 千米 kilometres kilometers kilometre kilometer km", 1000, "distance", "km"),
    ("英里 miles mile", Decimal("1609.3"), "distance", "mile"),
    ("米 公尺 metres meters metre meter", 1, "distance", "metre"),
    ("厘米 公分 centimetres centimeters cm", Decimal("0.01"), "distance", "cm"),
    ("毫米 millimetres millimeters mm", Decimal("0.001"), "distance", "mm"),
    ("英尺 feet foot ft", Decimal("0.3048"), "distance", "foot"),
    ("英寸 inches inch", Decimal("0.0254"), "distance", "inch"),
    ("公斤 千克 kg kilos kilo kilograms", 1, "weight", "kg"),
    ("克 grams", Decimal("0.001"), "weight", "gram"),
    ("吨 tonnes tonne tons ton", 1000, "weight", "tonne"),
    ("升 公升 litres liters litre liter", 1, "volume", "litre"),
    ("毫升 ml millilitres milliliters", Decimal("0.001"), "volume", "ml"),
    ("加仑 gallons gallon", Decimal("3.785"), "volume", "gallon"),
    ("千瓦 kw kilowatts kilowatt", 1000, "power", "kw"),
    ("瓦 watts watt", 1, "power", "watt"),
    ("伏 volts volt", 1, "voltage", "volt"),
    ("分贝 decibels decibel db", 1, "noise", "db"),
    ("亩", 1, "field", "field"),
    ("度 degrees degree", 1, "degree", "degree"),
    ("毫米汞柱 mmhg", 1, "pressure", "pressure"),
)
_CLASSIFIERS: Final = (
    "个种类项件份条家款台张人位名口期档层楼级场间套只笔桌桶斤箱瓶页字段步部副辆本双片粒颗袋盒罐架"
)
UNITS: Final[dict[str, tuple[Decimal, str, str]]] = {
    name: (Decimal(1), f"count:{name}", name) for name in _CLASSIFIERS
} | {
    name: (Decimal(factor), kind, unit)
    for names, factor, kind, unit in _ROWS
    for name in names.split()
}
