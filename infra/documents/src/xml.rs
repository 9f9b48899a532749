//! XML as objects, and the envelopes of SOAP.

use std::collections::HashSet;

use basic::{Array, Object, Refusal, Value};
use roxmltree::{Document, Node, ParsingOptions};

use crate::template::markup;
use crate::{tags, unreadable};

/// Elements, attributes and texts of one document.
const NODES_MAX: u32 = 250_000;
/// Elements within elements.
const DEPTH_MAX: usize = 64;
/// Prefixes of namespaces, and how often they are said what they mean: an element that says one has all those around it
/// compared with one another.
const PREFIXES_MAX: usize = 100;
const NAMESPACES_MAX: usize = 100_000;

/// Where and how an operation of a service is called, as its description says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub name: String,
    /// The address as it stands there.
    pub address: String,
    /// What the header `SOAPAction` says.
    pub action: String,
    namespace: String,
    /// The element that holds the parameters.
    element: String,
    /// Whether parameters carry the namespace too.
    qualified: bool,
}

fn parsed(text: &str) -> Result<Document<'_>, Refusal> {
    tree(text, NODES_MAX)
}

/// The tree of a document of at most so many nodes.
pub(crate) fn tree(text: &str, nodes_max: u32) -> Result<Document<'_>, Refusal> {
    tags::check(text.as_bytes())?;
    check_namespaces(text)?;
    let options = ParsingOptions {
        nodes_limit: nodes_max,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options)
        .map_err(|error| unreadable(format!("this is no XML: {error}")))
}

fn check_namespaces(text: &str) -> Result<(), Refusal> {
    let mut prefixes = HashSet::new();
    for (number, declared) in text.split("xmlns").skip(1).enumerate() {
        let end = declared.find(|c: char| c == '=' || c.is_whitespace());
        prefixes.insert(&declared[..end.unwrap_or(declared.len())]);
        if prefixes.len() > PREFIXES_MAX || number > NAMESPACES_MAX {
            return Err(unreadable("the document has too many namespaces"));
        }
    }
    Ok(())
}

impl Operation {
    /// Finds an operation in the description of a service (WSDL 1.1), whatever the case of its name.
    pub fn of(description: &str, name: &str) -> Result<Operation, Refusal> {
        let document = parsed(description)?;
        let root = document.root_element();
        let named = |node: Node<'_, '_>, kind: &str| node.tag_name().name() == kind;
        let all = || document.descendants().filter(Node::is_element);
        let unknown = || {
            let names: Vec<&str> = all()
                .filter(|node| named(*node, "operation"))
                .filter_map(|node| node.attribute("name"))
                .take(20)
                .collect();
            let shown: String = name.chars().take(60).collect();
            Refusal::mistake(
                "operation_unknown",
                format!(
                    "the service has no operation `{shown}`; it has {}",
                    names.join(", ")
                ),
            )
        };
        let of_name = |node: &Node<'_, '_>| {
            named(*node, "operation")
                && node
                    .attribute("name")
                    .is_some_and(|known| known.eq_ignore_ascii_case(name))
        };
        let operation = all().find(of_name).ok_or_else(unknown)?;
        let known = operation.attribute("name").unwrap_or_default();
        let binding =
            all().find(|node| of_name(node) && node.parent().is_some_and(|parent| named(parent, "binding")));
        let action = binding
            .and_then(|binding| {
                binding
                    .children()
                    .find(|child| child.attribute("soapAction").is_some())
            })
            .and_then(|child| child.attribute("soapAction"));
        let address = all()
            .find(|node| named(*node, "address") && node.attribute("location").is_some())
            .and_then(|node| node.attribute("location"))
            .ok_or_else(|| unreadable("the description of the service names no address"))?;
        let local = |name: &str| name.rsplit_once(':').map_or(name, |(_, local)| local).to_owned();
        let message = operation
            .children()
            .find(|child| named(*child, "input"))
            .and_then(|input| input.attribute("message"))
            .map(local);
        let element = message.and_then(|message| {
            let message =
                all().find(|node| named(*node, "message") && node.attribute("name") == Some(&message))?;
            let part = message.children().find(|child| named(*child, "part"))?;
            part.attribute("element").map(local)
        });
        let schema = all().find(|node| named(*node, "schema"));
        let namespace = schema
            .and_then(|schema| schema.attribute("targetNamespace"))
            .or_else(|| root.attribute("targetNamespace"))
            .unwrap_or_default();
        let qualified = schema.and_then(|schema| schema.attribute("elementFormDefault")) == Some("qualified");
        let (element, action) = (
            element.unwrap_or_else(|| known.to_owned()),
            action.unwrap_or_default(),
        );
        // They are sent as they are.
        if !is_name(&element) || action.contains(['"', '\\']) || action.chars().any(char::is_control) {
            return Err(unreadable(
                "the description of the service names its operation as XML does not",
            ));
        }
        Ok(Operation {
            name: known.to_owned(),
            address: address.to_owned(),
            action: action.to_owned(),
            namespace: namespace.to_owned(),
            element,
            qualified,
        })
    }

    /// The envelope that calls it with these parameters: an object.
    pub fn envelope(&self, parameters: &Value) -> Result<String, Refusal> {
        let prefix = if self.qualified { "m:" } else { "" };
        let mut body = String::new();
        if let Value::Object(fields) = parameters {
            for (name, value) in fields.iter() {
                write(name, value, prefix, &mut body, 0)?;
            }
        }
        let (element, namespace) = (&self.element, markup(&self.namespace));
        Ok(format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
             xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><m:{element} xmlns:m=\"{namespace}\">\
             {body}</m:{element}></soap:Body></soap:Envelope>"
        ))
    }
}

/// Whether an element may be called so.
fn is_name(name: &str) -> bool {
    let letters = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(letters)
}

fn write(name: &str, value: &Value, prefix: &str, body: &mut String, depth: usize) -> Result<(), Refusal> {
    if !is_name(name) || depth > DEPTH_MAX {
        return Err(Refusal::mistake(
            "parameter_refused",
            "a parameter has a name that XML does not take",
        ));
    }
    if let Value::Array(items) = value {
        return items
            .iter()
            .try_for_each(|item| write(name, item, prefix, body, depth + 1));
    }
    body.push_str(&format!("<{prefix}{name}>"));
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields.iter() {
                write(name, value, prefix, body, depth + 1)?;
            }
        }
        value => body.push_str(&markup(&value.to_string())),
    }
    body.push_str(&format!("</{prefix}{name}>"));
    Ok(())
}

/// What a service answered: the first element of the envelope's body as an object. A fault is a refusal.
pub fn answered(envelope: &str) -> Result<Value, Refusal> {
    let document = parsed(envelope)?;
    let body = document
        .root_element()
        .children()
        .find(|child| child.is_element() && child.tag_name().name() == "Body")
        .ok_or_else(|| unreadable("the answer is no SOAP envelope"))?;
    let Some(first) = body.children().find(Node::is_element) else {
        return Ok(Value::Null);
    };
    if first.tag_name().name() == "Fault" {
        let said = |name: &str| {
            let mut parts = first.descendants();
            let part = parts.find(|part| part.is_element() && part.tag_name().name() == name)?;
            let text: String = part
                .descendants()
                .filter_map(|node| node.is_text().then(|| node.text())?)
                .collect();
            Some(text.trim().chars().take(500).collect::<String>())
        };
        let message = said("faultstring")
            .or_else(|| said("Reason"))
            .unwrap_or_else(|| "it answered with a fault".to_owned());
        return Err(Refusal::new("soap_fault", message));
    }
    value(first, 0)
}

/// An element as a value: its text, or an object of the elements within it. Elements of one name are a list.
fn value(node: Node<'_, '_>, depth: usize) -> Result<Value, Refusal> {
    if depth > DEPTH_MAX {
        return Err(unreadable("the answer nests too deeply"));
    }
    let elements: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
    if elements.is_empty() {
        let text: String = node.children().filter_map(|child| child.text()).collect();
        return Ok(match text.trim() {
            "" => Value::Null,
            text => Value::from(text),
        });
    }
    let mut fields: Vec<(String, Vec<Value>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for element in elements {
        let name = element.tag_name().name();
        let within = value(element, depth + 1)?;
        let at = *places.entry(name).or_insert_with(|| {
            fields.push((name.to_owned(), Vec::new()));
            fields.len() - 1
        });
        fields[at].1.push(within);
    }
    let fields = fields.into_iter().map(|(name, mut values)| match values.len() {
        1 => (name, values.pop().unwrap_or_default()),
        _ => (name, Value::Array(values.into_iter().collect::<Array>())),
    });
    Ok(Value::Object(fields.collect::<Object>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTION: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
        xmlns:t="urn:rates" targetNamespace="urn:rates">
        <types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:rates" elementFormDefault="qualified"/></types>
        <message name="In"><part name="p" element="t:GetRateRequest"/></message>
        <portType name="P"><operation name="GetRate"><input message="t:In"/></operation></portType>
        <binding name="B" type="t:P"><operation name="GetRate"><s:operation soapAction="urn:rates#GetRate"/></operation></binding>
        <service name="S"><port name="p" binding="t:B"><s:address location="https://example.org/rates"/></port></service>
        </definitions>"#;

    #[test]
    fn an_operation_is_found_and_called() {
        let operation = Operation::of(DESCRIPTION, "getrate").expect("found");
        assert_eq!(operation.address, "https://example.org/rates");
        assert_eq!(operation.action, "urn:rates#GetRate");
        let parameters = Value::from_json(
            serde_json::json!({ "currency": "<EUR>", "days": [1, 2], "by": { "who": "x" } }),
        );
        let envelope = operation.envelope(&parameters).expect("an envelope");
        assert!(envelope.contains(
            "<m:GetRateRequest xmlns:m=\"urn:rates\"><m:by><m:who>x</m:who></m:by><m:currency>&lt;EUR&gt;</m:currency>\
             <m:days>1</m:days><m:days>2</m:days></m:GetRateRequest>"
        ), "{envelope}");
        assert!(parsed(&envelope).is_ok());
        let refused = Operation::of(DESCRIPTION, "Sell").expect_err("unknown");
        assert_eq!(refused.code, "operation_unknown");
        assert!(refused.message.contains("GetRate"));
        for (said, instead) in [
            ("t:GetRateRequest", "t:Get&gt;&lt;Rate"),
            ("t:GetRateRequest", "t:Get Rate"),
            ("urn:rates#GetRate", "urn:&quot;, x"),
        ] {
            let described = DESCRIPTION.replace(said, instead);
            let refused = Operation::of(&described, "GetRate").expect_err(instead);
            assert_eq!(refused.code, "document_unreadable");
        }
        let wrong = Value::from_json(serde_json::json!({ "a><b": 1 }));
        assert_eq!(
            operation.envelope(&wrong).expect_err("refused").code,
            "parameter_refused"
        );
    }

    #[test]
    fn what_is_answered_is_an_object() {
        let around = |body: &str| {
            format!(
                "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
            )
        };
        let answer = around("<R><rate>1.08</rate><day><n>1</n></day><day/></R>");
        let read = answered(&answer).expect("read").to_json();
        assert_eq!(
            read,
            serde_json::json!({ "rate": "1.08", "day": [{ "n": "1" }, null] })
        );
        let fault =
            around("<s:Fault><faultcode>x</faultcode><faultstring>no such rate</faultstring></s:Fault>");
        let refused = answered(&fault).expect_err("a fault");
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("soap_fault", "no such rate")
        );
        let deep = around(&("<a>".repeat(200) + &"</a>".repeat(200)));
        assert!(answered(&deep).is_err());
        assert!(answered("<html>").is_err());
    }

    #[test]
    fn what_takes_for_ever_to_be_compared_is_refused() {
        let attributes: String = (0..200_000).map(|n| format!(" a{n}='1'")).collect();
        let nested: String = (0..60_000).map(|n| format!("<a xmlns:a{n}='{n}'>")).collect();
        for endless in [format!("<a{attributes}/>"), nested] {
            assert_eq!(
                answered(&endless).expect_err("endless").code,
                "document_unreadable"
            );
        }
        let usual = "<a xmlns:i='x' xmlns=''/>".repeat(1_000);
        let read = answered(&format!("<e><Body><r>{usual}</r></Body></e>"));
        assert!(read.is_ok());
    }
}
