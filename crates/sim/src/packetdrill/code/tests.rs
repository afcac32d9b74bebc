//! What blocks come to, and what is said of those that come to nothing.

use super::*;

fn code(text: &str) -> Code {
    Code { at: Position { line: 7, column: 10 }, text: text.to_owned() }
}

/// What a host says of itself in these tests.
fn names(name: &str) -> Option<i64> {
    match name {
        "tcpi_snd_cwnd" => Some(10),
        "tcpi_options" => Some(0x22),
        "TCPI_OPT_SYN_DATA" => Some(32),
        "TCP_INFINITE_SSTHRESH" => Some(0x7fff_ffff),
        _ => None,
    }
}

/// What a block prints.
fn printed(text: &str) -> String {
    let mut program = Program::new();
    program.run(&code(text), &names).unwrap_or_else(|failure| panic!("{text}: {failure}"));
    program.printed().trim_end().to_owned()
}

/// What an expression comes to, as Python prints it.
fn shown(expression: &str) -> String {
    printed(&format!("print({expression})"))
}

fn failure(text: &str) -> Failure {
    Program::new().run(&code(text), &names).expect_err(text)
}

#[test]
fn blocks_as_scripts_have_them_hold() {
    let mut program = Program::new();
    let blocks = [
        " assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd ",
        "assert (tcpi_options & TCPI_OPT_SYN_DATA) != 0, tcpi_options",
        " print(tcpi_snd_cwnd); cwnd = 9; assert tcpi_snd_cwnd == cwnd + 1, tcpi_snd_cwnd ",
        " cwnd += 1; assert tcpi_snd_cwnd == cwnd, 'cwnd=%d' % tcpi_snd_cwnd ",
        "\nassert tcpi_snd_cwnd == 10  # no moderation\nassert 9 <= tcpi_snd_cwnd <= 11,tcpi_snd_cwnd\n",
        " assert tcpi_snd_cwnd > 9, tcpi_snd_cwnd; \\\n\t assert tcpi_snd_cwnd < 11, tcpi_snd_cwnd ",
        " TCP_INFINITE_SSTHRESH = 0x7fffffff ",
        "\n    if cwnd == 10:\n        state = 'open'\n    else:\n        state = 'shut'\n    print state, cwnd\n  ",
    ];
    for block in blocks {
        program.run(&code(block), &names).unwrap_or_else(|failure| panic!("{block}: {failure}"));
    }
    assert_eq!(program.printed(), "10\nopen 10\n");
}

#[test]
fn what_a_host_says_now_hides_what_was_assigned_before_but_not_in_the_same_block() {
    let mut program = Program::new();
    program.run(&code("tcpi_snd_cwnd = 3; assert tcpi_snd_cwnd == 3"), &names).unwrap();
    program.run(&code("assert tcpi_snd_cwnd == 10"), &names).unwrap();
    program.run(&code("assert tcpi_snd_cwnd == 3"), &|_: &str| None).unwrap();
}

#[test]
fn an_assertion_that_does_not_hold_says_what_was() {
    let failed = failure("x = 1\nassert tcpi_snd_cwnd ==  12 and x, 'cwnd=%d' % tcpi_snd_cwnd");
    assert_eq!(failed.kind, FailureKind::Assertion);
    let told = "8:1: assert tcpi_snd_cwnd == 12 and x: cwnd=10 (tcpi_snd_cwnd = 10, x = 1)";
    assert_eq!(failed.to_string(), told);
    assert_eq!(failure(" assert False").to_string(), "7:11: assert False");
    let long = failure("assert False, 'x' * 5000");
    assert_eq!(long.message.chars().count(), 1_001);
}

#[test]
fn a_name_that_nobody_knows_is_told_apart() {
    let unknown = failure("assert 1 and\\\n tcpi_nothing == 1");
    assert_eq!(unknown.kind, FailureKind::Unknown("tcpi_nothing".to_owned()));
    assert_eq!(unknown.to_string(), "8:2: nobody knows `tcpi_nothing`");
    // What is not looked at need not be known.
    assert_eq!(shown("1 or tcpi_nothing"), "1");
}

#[test]
fn numbers_are_pythons() {
    let cases = [
        ("7 // 2, -7 // 2, 7 // -2, -7 % 3, 7 % -3", "3 -4 -4 2 -2"),
        ("7 / 2, 6 / 2, 1e3, .5, 2 ** 10, 2 ** -1, -2 ** 2", "3.5 3.0 1000.0 0.5 1024 0.5 -4"),
        ("0x10 | 1, 6 & 3, 6 ^ 3, ~5, 1 << 4, -9 >> 1, 0b101, 1_000", "17 2 5 -6 16 -5 5 1000"),
        ("2 + 3 * 4, (2 + 3) * 4, 2 - 3 - 4, 1 | 2 ^ 3 & 4", "14 20 -5 3"),
        ("True + True, True & False, not 0, 1 == 1.0, 7.5 // 2, -7.5 % 2", "2 False True True 3.0 0.5"),
        (
            "abs(-3), min(2, 1.5), max([1, 3, 2]), sum(range(5)), round(2.5), round(2.567, 2)",
            "3 1.5 3 10 2 2.57",
        ),
        (
            "int('12'), int(3.9), int('ff', 16), float(2), bool([]), len('abc'), len(range(0, 10, 3))",
            "12 3 255 2.0 False 3 4",
        ),
        ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
    ];
    for (expression, expected) in cases {
        assert_eq!(shown(expression), expected, "{expression}");
    }
}

#[test]
fn comparisons_chain_and_choose() {
    let cases = [
        ("1 < 2 < 3, 1 < 3 < 2, 1 == 1 != 2, 3 > 2 >= 2", "True False True True"),
        (
            "2 in [1, 2], 'b' in 'abc', 3 not in (1, 2), 4 in range(0, 9, 2), 5 in range(0, 9, 2)",
            "True True True True False",
        ),
        ("None is None, 1 is not None, 'a' < 'b', [1, 2] < [1, 3], (1,) == (1,)", "True True True True True"),
        ("0 or 'x', 1 and 2, 0 and 1, not 1 == 2, [] or None", "x 2 0 True None"),
        ("1 if 2 > 1 else 0, 1 if 0 else 2 if 0 else 3", "1 3"),
        (
            "{'a': 1, 'b': 2, 'a': 3}, {'a': 1}['a'], {1: 2}.get(3, 4), {'k': 5}.items()",
            "{'a': 3, 'b': 2} 1 4 [('k', 5)]",
        ),
        (
            "[1, 2, 3][-1], [1, 2, 3][1:], 'abc'[0:2], (1, 2)[0], range(3)[2], 'x' * 3, [0] * 2 + [1]",
            "3 [2, 3] ab 1 2 xxx [0, 0, 1]",
        ),
        (
            "sorted([3, 1, 2]), list(range(3)), tuple('ab'), any([0, 1]), all([0, 1]), range(2)",
            "[1, 2, 3] [0, 1, 2] ('a', 'b') True False range(0, 2)",
        ),
    ];
    for (expression, expected) in cases {
        assert_eq!(shown(expression), expected, "{expression}");
    }
}

#[test]
fn strings_are_formatted_in_all_three_ways() {
    let cases = [
        (
            "'%d of %s, %5.2f|%-4d|%04d|%x|%#x|%%|%r' % (1, 'two', 3.14159, 5, 6, 255, 255, 'q')",
            "1 of two,  3.14|5   |0006|ff|0xff|%|'q'",
        ),
        (
            "'%s' % [1, 'a'], '%+d %5s|%e %g %g' % (3, 'ab', 12345.678, 0.0001, 1e20)",
            "[1, 'a'] +3    ab|1.234568e+04 0.0001 1e+20",
        ),
        (
            "'{} {1} {0!r:>5}|{0:<3}|{2:^5}|{3:,}'.format('a', 2, 'm', 1234567)",
            "a 2   'a'|a  |  m  |1,234,567",
        ),
        (
            "f'{tcpi_snd_cwnd} {tcpi_snd_cwnd * 2:>4}{{x}} {\"q\"!r} {1/3:.3f} {255:#06x} {1 != 2}'",
            "10   20{x} 'q' 0.333 0x00ff True",
        ),
        ("'a' 'b' \"\\x41\\n\\q\"", "abA\n\\q"),
        (
            "', '.join(['x', 'y']), str(1.5) + '!', repr('s'), f'{-5:05d}', f'{0.5:.0%}'",
            "x, y 1.5! 's' -0005 50%",
        ),
    ];
    for (expression, expected) in cases {
        assert_eq!(shown(expression), expected, "{expression}");
    }
}

#[test]
fn statements_go_where_they_should() {
    assert_eq!(printed("a, b = 1, 2\nc = d = a + b\nprint(a, b, c, d)"), "1 2 3 3");
    let text = "total = 0\nfor i in range(10):\n  if i == 2: continue\n  if i > 4:\n    break\n\n  # a remark\n  total += i\nprint(total)";
    assert_eq!(printed(text), "8");
    let text = "n = 3\nwhile n:\n\tn -= 1\n\tif n == 1:\n\t\tpass\n\telif n == 2:\n\t\tprint('two')\n\telse:\n\t\tprint(n)\nprint('end')";
    assert_eq!(printed(text), "two\n0\nend");
    assert_eq!(printed("for k, v in {'a': 1}.items(): print(k); print(v)"), "a\n1");
    assert_eq!(printed("x = (1 +\n  2)\nx **= 2; x //= 2\nprint x"), "4");
}

#[test]
fn what_is_no_code_is_said_where() {
    let told = |text: &str| failure(text).to_string();
    assert_eq!(told("assert"), "7:16: expected a value, found the end of the line");
    assert_eq!(told("a = = 1"), "7:14: expected a value, found `=`");
    assert_eq!(told("\n\nx ? y"), "9:3: `?` means nothing here");
    assert_eq!(told("x = 'abc"), "7:14: this string has no end");
    assert_eq!(told("if 1:\nx = 1"), "8:1: expected an indented block, found `x`");
    assert_eq!(told("x = 1\n  y = 2"), "8:1: expected a value, found another indentation");
    assert_eq!(told("\nif 1:\n    x = 1\n  y = 1"), "10:3: this line is indented as no block is");
    assert_eq!(told("import os"), "7:10: `import` is Python, but not of the part that scripts have here");
    assert_eq!(
        told("x = 1; x[0] = 2"),
        "7:17: only names are assigned to: lists and dictionaries never change here"
    );
    assert_eq!(told("break"), "7:10: there is no loop to break");
    assert_eq!(
        told("x = open('f')"),
        format!("7:14: `open` is none of the functions here: {}", BUILTINS.join(", "))
    );
    assert_eq!(told("1 + 'a'"), "7:10: `+` makes no sense of an int and a string");
    assert_eq!(told("x = 1 // 0"), "7:14: a division by zero");
    assert_eq!(told("[1][5]"), "7:10: no index 5 in 1 values");
    assert_eq!(told("'%d' % ()"), "7:10: fewer values than the format has places for");
    assert_eq!(told("a, b = 1"), "7:10: nothing is in an int");
    assert_eq!(told("f'{1 + }'"), "7:17: expected a value, found the end of the line");
    assert_eq!(check(&code("1 +")).unwrap_err().kind, FailureKind::Error);
    assert_eq!(check(&code("assert nobody == 1")), Ok(()));
}

#[test]
fn nothing_is_unbounded() {
    let told = |text: &str| failure(text).message;
    assert!(told("while True: pass").contains("more than 1000000 steps"));
    assert!(told("for i in range(10 ** 30): pass").contains("steps"));
    assert!(told("x = 'a'\nwhile 1: x += x").contains("a string of more than"));
    assert!(told("x = [1]\nwhile 1: x = [x]").contains("a list more than 32 deep"));
    assert!(told("x = [1]\nwhile 1: x = [x, x]").contains("a value of more than"));
    assert!(told("x = [1] * 99\nwhile 1: x = x + x").contains("a value of more than"));
    assert!(told("x = list(range(60000))\nwhile 1: x == x").contains("steps"));
    assert!(told("while 1: print('a' * 1000)").contains("prints more than"));
    assert!(told("x = 2\nwhile 1: x *= x").contains("more than 128 bits"));
    assert!(told("1 << 200").contains("128 bits"));
    assert!(told("'%9999d' % 1").contains("wider"));
    for (open, close) in [("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("{1:", "}"), ("f(", ")")] {
        let text = format!("x = {}1{}", open.repeat(5_000), close.repeat(5_000));
        assert!(told(&text).contains("nested more than"), "{open}");
    }
    // Long is not deep.
    assert_eq!(printed(&format!("x = 0{}\nprint(x)", " + 1".repeat(9_000))), "9000");
    assert!(told(&" ".repeat(70_000)).contains("at most"));
}
