"""Personal data that must be found whole, and look-alikes that must stay, in both languages."""

import pytest

from compliance.engine import ComplianceEngine
from compliance.numbers_in_text import find_numbers
from compliance.types import PiiType

ENGINE = ComplianceEngine([])

FOUND = [
    # phones
    ("我的手机号是13800138000", "phone", "13800138000"),
    ("打 138 0013 8000 找我", "phone", "138 0013 8000"),
    ("138-0013-8000", "phone", "138-0013-8000"),
    ("加我：１３８００１３８０００", "phone", "１３８００１３８０００"),
    ("电话一三八零零一三八零零零", "phone", "一三八零零一三八零零零"),
    ("幺三八零零幺三八零零零", "phone", "幺三八零零幺三八零零零"),
    ("手机1 3 8 0 0 1 3 8 0 0 0", "phone", "1 3 8 0 0 1 3 8 0 0 0"),
    ("+86 13912345678 是我", "phone", "+86 13912345678"),
    ("(+86)139-1234-5678", "phone", "(+86)139-1234-5678"),
    ("座机010-62345678", "phone", "010-62345678"),
    ("我家电话 0571-87654321", "phone", "0571-87654321"),
    ("138.0013.8000", "phone", "138.0013.8000"),
    ("1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣", "phone", "1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0"),
    ("call me at (415) 555-2671 after five", "phone", "(415) 555-2671"),
    ("my number is 415-555-2671", "phone", "415-555-2671"),
    ("reach me on 4155552671", "phone", "4155552671"),
    ("+1 415 555 2671 is my cell", "phone", "+1 415 555 2671"),
    ("ring me on 07700 900123", "phone", "07700 900123"),
    ("my mobile: +44 7911 123456", "phone", "+44 7911 123456"),
    ("07700900123 thanks", "phone", "07700900123"),
    ("office: 020 7946 0958", "phone", "020 7946 0958"),
    ("电话 008613800138000", "phone", "008613800138000"),
    ("138*0013*8000", "phone", "138*0013*8000"),
    ("1😀3😀8😀0😀0😀1😀3😀8😀0😀0😀0", "phone", "1😀3😀8😀0😀0😀1😀3😀8😀0😀0😀0"),
    ("Telefon +49 151 23456789", "phone", "+49 151 23456789"),
    ("一三九，一二三四，五六七八", "phone", "一三九，一二三四，五六七八"),
    ("tel: 0086 138 0013 8000", "phone", "0086 138 0013 8000"),
    # identity
    ("SSN: 123-45-6789", "ssn", "123-45-6789"),
    ("身份证11010519491231002X", "cn_id", "11010519491231002X"),
    ("身份证号码：320102198507124520", "cn_id", "320102198507124520"),
    ("110105 19491231 002X", "cn_id", "110105 19491231 002X"),
    ("證件１１０１０５１９４９１２３１００２Ｘ", "cn_id", "１１０１０５１９４９１２３１００２Ｘ"),
    ("my SSN is 536-90-4399", "ssn", "536-90-4399"),
    ("social security number 536904399", "ssn", "536904399"),
    ("ssn 536 90 4399 ok", "ssn", "536 90 4399"),
    ("护照号E12345678", "passport", "E12345678"),
    ("我的护照是G12345678", "passport", "G12345678"),
    ("passport number 123456789", "passport", "123456789"),
    ("Passport: EA1234567", "passport", "EA1234567"),
    ("my passport no. is C01234567", "passport", "C01234567"),
    # money
    ("卡号6222021234567890128", "bank_card", "6222021234567890128"),
    ("pay with 4111 1111 1111 1111", "bank_card", "4111 1111 1111 1111"),
    ("card 4111-1111-1111-1111 exp 12/29", "bank_card", "4111-1111-1111-1111"),
    ("amex 378282246310005", "bank_card", "378282246310005"),
    ("银行卡 6222 0212 3456 7890 128 转账", "bank_card", "6222 0212 3456 7890 128"),
    ("iban GB82 WEST 1234 5698 7654 32 please", "iban", "GB82 WEST 1234 5698 7654 32"),
    ("transfer to DE89370400440532013000", "iban", "DE89370400440532013000"),
    ("我的IBAN是FR1420041010050500013M02606", "iban", "FR1420041010050500013M02606"),
    # e-mail
    ("write to john.smith@example.com", "email", "john.smith@example.com"),
    ("邮箱zhang_san@163.com谢谢", "email", "zhang_san@163.com"),
    ("发到ｌｉｓｉ＠ｑｑ．ｃｏｍ", "email", "ｌｉｓｉ＠ｑｑ．ｃｏｍ"),
    ("john dot smith at gmail dot com", "email", "smith at gmail dot com"),
    ("zhangsan @ qq . com", "email", "zhangsan @ qq . com"),
    ("jane(at)example(dot)org", "email", "jane(at)example(dot)org"),
    ("jane [at] example [dot] org", "email", "jane [at] example [dot] org"),
    ("abc艾特qq点com", "email", "abc艾特qq点com"),
    ("13800138000@139.com", "email", "13800138000@139.com"),
    # plates
    ("车牌京A12345", "plate", "京A12345"),
    ("沪B·D1234是我的车", "plate", "沪B·D1234"),
    ("粤BD12345新能源", "plate", "粤BD12345"),
    # names
    ("我叫王小明，想了解一下", "name", "王小明"),
    ("姓名：欧阳娜娜", "name", "欧阳娜娜"),
    ("我的名字是李雷", "name", "李雷"),
    ("我叫张伟今年三十岁", "name", "张伟"),
    ("收件人：陈建国", "name", "陈建国"),
    ("my name is John Smith", "name", "John Smith"),
    ("Hi, I'm Mary Jones and I want a quote", "name", "Mary Jones"),
    ("my name is sarah connor", "name", "sarah connor"),
    ("This is Dr. Alan Grant speaking", "name", "Dr. Alan Grant"),
    ("Name: Robert Brown", "name", "Robert Brown"),
    ("我是张小凡，昨天联系过", "name", "张小凡"),
    ("我叫小明，想问下价格", "name", "小明"),
    ("Hi, I'm Peter, a quick question", "name", "Peter"),
    ("投保人李四，身份证号后补", "name", "李四"),
    # addresses
    ("在杭州市西湖区文三路 100 号 2 幢 301", "address", "杭州市西湖区文三路 100 号 2 幢 301"),
    (
        "武侯区天府大道中段666号希顿国际广场B座1203",
        "address",
        "武侯区天府大道中段666号希顿国际广场B座1203",
    ),
    ("住在阳光小区3-502", "address", "阳光小区3-502"),
    ("please ship it to 12 main street", "address", "12 main street"),
    ("我住在北京市朝阳区建国路88号3栋502室", "address", "北京市朝阳区建国路88号3栋502室"),
    ("寄到上海市浦东新区世纪大道100号", "address", "上海市浦东新区世纪大道100号"),
    ("地址：广东省深圳市南山区科技园路5号", "address", "广东省深圳市南山区科技园路5号"),
    ("家住阳光花园3号楼2单元501室", "address", "阳光花园3号楼2单元501室"),
    ("I live at 221B Baker Street, London", "address", "221B Baker Street, London"),
    (
        "ship it to 1600 Pennsylvania Avenue NW, Washington, DC 20500",
        "address",
        "1600 Pennsylvania Avenue NW, Washington, DC 20500",
    ),
    ("742 Evergreen Terrace, Springfield", "address", "742 Evergreen Terrace, Springfield"),
    ("send it to P.O. Box 1234", "address", "P.O. Box 1234"),
]

CLEAN = [
    "订单号2024112112345678已发货",
    "订单号：13912345678901",
    "保单号 6222021234567890128 已生效",
    "快递单号 75312345678901",
    "价格是1,299.00元，原价2,599元",
    "活动时间2026-11-01至2026-11-30",
    "营业时间9:00-18:00，周一至周五",
    "版本号 10.2.13.4456",
    "每年保费3000元，保额1000000元",
    "拨打客服热线95588或者400-800-1234",
    "统一社会信用代码91110000123456789X",
    "身份证110105194912310021校验不对",
    "前100名客户，编号20261121001",
    "一二三四五六七八九十",
    "2026年11月21日14点30分",
    "他叫什么名字我不知道",
    "我叫了一辆车",
    "我叫你别打了",
    "我是来咨询的",
    "我是江苏人",
    "我是高中生，想学英语",
    "我是白领",
    "我是张经理",
    "I'm American, does that matter?",
    "Call me Monday.",
    "Call me ASAP",
    "I'm Fine.",
    "姓名和地址要填吗",
    "京A股今天涨了",
    "新a计划",
    "走路10分钟就到",
    "步行街2号线出口",
    "万元区间3号方案",
    "Your order 4532015112830366 has shipped",
    "Invoice number 378282246310005",
    "Tracking no. 1Z999AA10123456784",
    "It costs $1,299.00 or 12 payments of $108.25",
    "The offer ends 2026-12-31 at 23:59",
    "Version 10.2.13 build 20261121",
    "Plan 401k and 529, form 1099",
    "room 1234567",
    "ratio 3.14159265358979",
    "there are 1500000000 people",
    "I'm interested in the Gold Plan",
    "I am not sure",
    "this is great, thank you",
    "my name is on the list already",
    "It is a 10 minute drive from here",
    "24 hour way to reach us",
    "meet me at noon",
    "look at example and dot the i",
    "5 of the best places",
    "write to me@work. Then call",
    "价格表：100,200,300,400，折后90",
    "666-12-3456 and 123-00-4567",
    "投保人应当如实告知",
    "IBAN GB82 WEST 1234 5698 7654 33 is wrong",
    "reference 536-00-4399",
    "the year 2025 2026 2027 2028",
    "ISBN 978-0-306-40615-7",
    "1 2 3 4 5 6 7 8 9 10 11 12",
    "passport office is closed",
    "护照办理需要多久",
    "+999 123456789",
    "电话+0138001380",
    "我叫钱的",
    "+1 23 45",
    "10086001234567890 是流水号",
    "part number E12345678",
    "18 digits 110105194912310020 fail",
]


@pytest.mark.parametrize(("text", "kind", "value"), FOUND)
def test_found_whole(text: str, kind: str, value: str) -> None:
    found = [(datum.type, text[datum.start : datum.end]) for datum in ENGINE.screen_in(text).pii]
    assert (PiiType(kind), value) in found


@pytest.mark.parametrize("text", CLEAN)
def test_look_alike_stays(text: str) -> None:
    screening = ENGINE.screen_in(text)
    assert [text[datum.start : datum.end] for datum in screening.pii] == []
    assert screening.text == text


def test_no_digits_no_numbers() -> None:
    assert list(find_numbers("no digits", None)) == []
