use expect_test::expect;

use super::check;

#[test]
fn a_sweep_is_refused_in_one_sentence() {
    let table = |from: &str, to: &str| {
        let sweep = "\n[strategies.arb.sweep]\nto = \"0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\"\nevery_seconds = 60\ntokens = [{ symbol = \"USDC\", keep = \"1\", least = \"2\" }]\n";
        assert!(sweep.contains(from), "{from}");
        format!("gas_per_window_eth = \"0.008\"\n{}", sweep.replacen(from, to, 1))
    };
    let refused = |from: &str, to: &str, sentence| {
        check("gas_per_window_eth = \"0.008\"\n", &table(from, to), sentence)
    };
    refused(
        "0x5a5a",
        "0x5b5a",
        expect![
            "policy key `strategies.arb.sweep.to` names 0x5B5A5A5A5A5a5a5A5A5a5A5A5A5a5A5A5a5a5a5A, which is not among `recipients`; add it there"
        ],
    );
    refused(
        "every_seconds = 60",
        "every_seconds = 0",
        expect!["policy key `strategies.arb.sweep.every_seconds` is 0; write a larger number"],
    );
    refused(
        "{ symbol = \"USDC\", keep = \"1\", least = \"2\" }",
        "",
        expect!["policy key `strategies.arb.sweep.tokens` is empty; name what is swept"],
    );
    refused(
        "symbol = \"USDC\"",
        "symbol = \"USDX\"",
        expect![
            "policy key `strategies.arb.sweep.tokens.USDX` is not in `tokens`; add it there, or correct the symbol"
        ],
    );
    refused(
        "keep = \"1\"",
        "keep = \"1.0000001\"",
        expect![[
            r#"policy key `strategies.arb.sweep.tokens.USDC.keep` is not an exact amount: amount has more than the 6 decimals of USDC; write one like "1.5""#
        ]],
    );
    refused(
        "least = \"2\"",
        "least = \"0\"",
        expect![
            "policy key `strategies.arb.sweep.tokens.USDC.least` is 0, which moves dust for ever; write more"
        ],
    );
    let twice = "{ symbol = \"USDC\", keep = \"1\", least = \"2\" }, { symbol = \"USDC\", keep = \"0\", least = \"1\" }";
    refused(
        "{ symbol = \"USDC\", keep = \"1\", least = \"2\" }",
        twice,
        expect!["policy key `strategies.arb.sweep.tokens.USDC` is there twice; keep one"],
    );
    refused(
        "keep = \"1\", ",
        "",
        expect![[r#"
        policy does not parse: TOML parse error at line 47, column 11
           |
        47 | tokens = [{ symbol = "USDC", least = "2" }]
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        missing field `keep`
    "#]],
    );
}
