//! Behind a trusted proxy, visitors are distinguished in every format in which it writes their addresses.

use serde_json::json;

use crate::api::{CREATE, Fwo, ON, chrome, http::Request};

/// More than one visitor may create in a minute.
const VISITORS: u32 = 40;

#[tokio::test]
async fn visitors_behind_a_trusted_proxy_are_distinguished_in_every_header_format() {
    let fwo = Fwo::with(|config| config.trusted_proxies = "127.0.0.1".parse().unwrap()).await;
    let forms: [fn(u32, u32) -> String; 12] = [
        |form, n| format!("198.51.{form}.{n}"),
        |form, n| format!("198.51.{form}.{n}:51234"),
        |form, n| format!("\"198.51.{form}.{n}\""),
        |form, n| format!("\"198.51.{form}.{n}:51234\""),
        |form, n| format!("198.51.{form}.{n},"),
        |form, n| format!("203.0.113.1, , 198.51.{form}.{n}, ,127.0.0.1:80"),
        |form, n| format!("2001:db8:{form}:{n}::1"),
        |form, n| format!("[2001:db8:{form}:{n}::1]"),
        |form, n| format!("[2001:db8:{form}:{n}::1]:443"),
        |form, n| format!("\"[2001:db8:{form}:{n}::1]:443\""),
        |form, n| format!("2001:db8:{form}:{n}::1%eth0"),
        |form, n| format!("[2001:db8:{form}:{n}::1%eth0]:443"),
    ];
    for (form, write) in (0..).zip(forms) {
        let mut served = 0;
        for n in 0..VISITORS {
            let create = chrome(Request::post(CREATE)).json(&json!({"deploymentKey": ON}));
            let answer = fwo.answers(create.header("x-forwarded-for", write(form, n))).await;
            served += u32::from(answer.status == 200);
        }
        assert_eq!(served, VISITORS, "{}", write(form, 0));
    }
}
