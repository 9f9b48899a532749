//! Access rules: who may read which topic. The Rust client has no call for them, so the C library's is made here.
#![expect(
    unsafe_code,
    reason = "the calls of librdkafka for access rules are not wrapped"
)]

use std::ffi::{CStr, CString};
use std::os::raw::c_char;
use std::ptr;

use rdkafka::admin::AdminClient;
use rdkafka::bindings as c;
use rdkafka::client::DefaultClientContext;

use crate::topics::ASKING;
use crate::{Settings, StreamError, Topic};

/// What a principal may do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    principal: String,
    resource: Resource,
    operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Resource {
    Topic(String),
    /// Groups that begin so.
    Groups(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Read,
    Describe,
}

/// Lets the configured readers read their topics, in groups that begin with their name; answers a line for each. Rules
/// that are there stay, and nothing is taken from anybody.
pub async fn allow(settings: &Settings) -> Result<Vec<String>, StreamError> {
    let rules = rules(settings);
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let lines = rules.iter().map(Rule::line).collect();
    let settings = settings.clone();
    let created = tokio::task::spawn_blocking(move || {
        let admin: AdminClient<DefaultClientContext> = settings.client().create()?;
        create(&admin, &rules)
    });
    created.await.map_err(|_| StreamError::Timeout)??;
    Ok(lines)
}

fn rules(settings: &Settings) -> Vec<Rule> {
    let readers = |topic: Topic| match topic {
        Topic::Events => &settings.readers,
        Topic::Compliance => &settings.compliance_readers,
    };
    let mut rules = Vec::new();
    for topic in Topic::ALL {
        for principal in readers(topic) {
            let name = principal
                .split_once(':')
                .map_or(principal.as_str(), |(_, name)| name);
            let topic = Resource::Topic(topic.name(settings));
            let groups = Resource::Groups(name.to_owned());
            for (resource, operation) in [
                (topic.clone(), Operation::Read),
                (topic, Operation::Describe),
                (groups, Operation::Read),
            ] {
                rules.push(Rule {
                    principal: principal.clone(),
                    resource,
                    operation,
                });
            }
        }
    }
    rules
}

impl Rule {
    fn line(&self) -> String {
        let operation = match self.operation {
            Operation::Read => "read",
            Operation::Describe => "describe",
        };
        match &self.resource {
            Resource::Topic(topic) => format!("{} may {operation} the topic {topic}", self.principal),
            Resource::Groups(prefix) => format!("{} may join groups {prefix}*", self.principal),
        }
    }
}

fn create(admin: &AdminClient<DefaultClientContext>, rules: &[Rule]) -> Result<(), StreamError> {
    let text = |text: &str| {
        CString::new(text).map_err(|_| StreamError::Refused("a name contains a zero byte".to_owned()))
    };
    let mut bindings = Bindings(Vec::with_capacity(rules.len()));
    for rule in rules {
        let (kind, name, pattern) = match &rule.resource {
            Resource::Topic(name) => (
                c::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
                name,
                c::rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
            ),
            Resource::Groups(prefix) => (
                c::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_GROUP,
                prefix,
                c::rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
            ),
        };
        let operation = match rule.operation {
            Operation::Read => c::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ,
            Operation::Describe => c::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_DESCRIBE,
        };
        let (name, principal, host) = (text(name)?, text(&rule.principal)?, text("*")?);
        let mut why: [c_char; 256] = [0; 256];
        // SAFETY: the texts end with zero and live through the call, which copies them; the buffer has its length.
        let binding = unsafe {
            c::rd_kafka_AclBinding_new(
                kind,
                name.as_ptr(),
                pattern,
                principal.as_ptr(),
                host.as_ptr(),
                operation,
                c::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
                why.as_mut_ptr(),
                why.len(),
            )
        };
        if binding.is_null() {
            // SAFETY: the library has written a text that ends with zero.
            let why = unsafe { CStr::from_ptr(why.as_ptr()) };
            return Err(StreamError::Refused(why.to_string_lossy().into_owned()));
        }
        bindings.0.push(binding);
    }
    let client = admin.inner().native_ptr();
    let timeout = i32::try_from(ASKING.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: client and bindings are alive; the queue and the event are ours and destroyed once; what an event says
    // is read before that.
    unsafe {
        let queue = c::rd_kafka_queue_new(client);
        c::rd_kafka_CreateAcls(
            client,
            bindings.0.as_mut_ptr(),
            bindings.0.len(),
            ptr::null(),
            queue,
        );
        let event = c::rd_kafka_queue_poll(queue, timeout);
        let outcome = if event.is_null() {
            Err(StreamError::Timeout)
        } else {
            said(event)
        };
        if !event.is_null() {
            c::rd_kafka_event_destroy(event);
        }
        c::rd_kafka_queue_destroy(queue);
        outcome
    }
}

/// What the brokers answered.
///
/// # Safety
/// `event` is alive and answers a creation of access rules.
unsafe fn said(event: *mut c::rd_kafka_event_t) -> Result<(), StreamError> {
    let refused = |why: *const c_char| {
        if why.is_null() {
            return StreamError::Refused("the brokers refuse the access rules".to_owned());
        }
        // SAFETY: texts of the library end with zero and live as long as the event.
        let why = unsafe { CStr::from_ptr(why) }.to_string_lossy();
        StreamError::Refused(format!("the brokers refuse the access rules: {why}"))
    };
    // SAFETY: as the caller promises.
    unsafe {
        if c::rd_kafka_event_error(event) != c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(refused(c::rd_kafka_event_error_string(event)));
        }
        let result = c::rd_kafka_event_CreateAcls_result(event);
        let mut count = 0;
        let results = c::rd_kafka_CreateAcls_result_acls(result, &raw mut count);
        for nth in 0..count {
            let error = c::rd_kafka_acl_result_error(*results.add(nth));
            if !error.is_null() {
                return Err(refused(c::rd_kafka_error_string(error)));
            }
        }
    }
    Ok(())
}

/// Destroyed when dropped.
struct Bindings(Vec<*mut c::rd_kafka_AclBinding_t>);

impl Drop for Bindings {
    fn drop(&mut self) {
        for binding in &self.0 {
            // SAFETY: each was made by the library and is destroyed once.
            unsafe { c::rd_kafka_AclBinding_destroy(*binding) };
        }
    }
}
