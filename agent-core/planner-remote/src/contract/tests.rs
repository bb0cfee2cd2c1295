use agent_core::scripted::{sample_opportunity, sample_tools};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn model(form: Form) -> Model {
    Model { calls: 2, ..Model::usual("m", form) }
}

fn contract(form: Form) -> Contract {
    Contract::new(&sample_tools(), &model(form)).unwrap()
}

fn said(text: &str) -> Answer {
    Answer { text: text.to_owned(), finish: Some("stop".to_owned()), ..Answer::default() }
}

fn check(text: &str, expected: Expect) {
    let plan = contract(Form::Json { strict: false }).plan(&said(text));
    expected.assert_eq(&plan.map_or_else(|wrong| wrong, |plan| canonical(&json!(plan))));
}

#[test]
fn what_fits_is_a_plan_and_what_does_not_says_why() {
    check(r#" {"because":"wait","calls":[]} "#, expect![[r#"{"calls":[],"reason":"wait"}"#]]);
    check("wait", expect!["it is not the JSON that was asked for: expected value at line 1 column 1"]);
    check(
        r#"{"calls":[]}"#,
        expect!["it is not the JSON that was asked for: missing field `because` at line 1 column 12"],
    );
    check(
        r#"{"because":"","calls":[{"call":"drain_wallet","with":{}}]}"#,
        expect!["there is no tool drain_wallet"],
    );
    check(
        r#"{"because":"","calls":[{"call":"execute_opportunity","with":{"opportunity":"0x1"}}]}"#,
        expect![[
            r#"arguments of execute_opportunity, at "/opportunity": "0x1" does not match "^0x[0-9a-f]{64}$""#
        ]],
    );
    check(
        r#"{"because":"","calls":[{"call":"execute_opportunity","with":{"to":"0x1"}}]}"#,
        expect![[
            r#"arguments of execute_opportunity, at "": Additional properties are not allowed ('to' was unexpected)"#
        ]],
    );
    let many = r#"{"call":"execute_opportunity","with":{}}"#;
    check(
        &format!(r#"{{"because":"","calls":[{many},{many},{many}]}}"#),
        expect!["it has 3 calls, and may have 2"],
    );
}

#[test]
fn a_reason_is_a_line_that_a_terminal_can_show() {
    check(
        r#"{"because":"\u001b[31mred\n\u202eé","calls":[]}"#,
        expect![[r#"{"calls":[],"reason":"?[31mred???"}"#]],
    );
    let long = "x".repeat(5_000);
    let plan =
        contract(Form::Json { strict: true }).plan(&said(&format!(r#"{{"because":"{long}","calls":[]}}"#)));
    assert_eq!(plan.unwrap().reason.len(), REASON);
}

#[test]
fn function_calls_are_checked_as_strictly() {
    let contract = contract(Form::Tools);
    let id = sample_opportunity(1).id.0;
    let calls = vec![("execute_opportunity".to_owned(), format!(r#"{{"opportunity":"{id}"}}"#))];
    let plan = contract.plan(&Answer { calls, ..said("worth it") }).unwrap();
    assert_eq!(plan.reason, "worth it");
    assert_eq!(plan.calls[0].arguments, json!({ "opportunity": id.to_string() }));
    assert_eq!(contract.plan(&said("nothing to do")).unwrap().calls, vec![], "no call means: wait");
    for (tool, arguments) in [("execute_opportunity", "{"), ("execute_opportunity", ""), ("other", "{}")] {
        let calls = vec![(tool.to_owned(), arguments.to_owned())];
        assert!(contract.plan(&Answer { calls, ..said("") }).is_err(), "{tool}({arguments})");
    }
}

#[test]
fn an_answer_that_was_cut_is_none() {
    let cut = Answer { finish: Some("length".into()), ..said(r#"{"because":"wait","calls":[]}"#) };
    assert_eq!(
        contract(Form::Json { strict: false }).plan(&cut),
        Err("it was too long and was cut off: be shorter".into())
    );
}

#[test]
fn a_tool_whose_schema_cannot_be_asked_for_is_told_at_once() {
    let mut tools = sample_tools();
    tools[1].schema = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
    let error = Contract::new(&tools, &model(Form::Tools)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the arguments of tool explain_opportunity cannot be put to a model: they refer to themselves"
    );
    tools[1].schema = json!({ "type": 7 });
    assert!(matches!(Contract::new(&tools, &model(Form::Tools)), Err(RemoteError::BadTool { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_answer_panics_or_smuggles_a_call(text in r#"(\{|\}|\[|\]|,|:|"because"|"calls"|"call"|"with"|"execute_opportunity"|"opportunity"|"0x1"|null|1| ){0,24}"#) {
        for form in [Form::Json { strict: false }, Form::Tools] {
            let calls = vec![("execute_opportunity".to_owned(), text.clone())];
            let answer = Answer { calls, ..said(&text) };
            if let Ok(plan) = contract(form).plan(&answer) {
                // The only id that these pieces can spell is none.
                prop_assert!(plan.calls.is_empty(), "{:?}", plan);
            }
        }
    }
}
