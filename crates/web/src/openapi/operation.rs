//! What one route takes and answers, as it is being described.

use axum::http::StatusCode;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The description of one route; the types of its handler write it.
#[derive(Debug)]
pub struct Operation {
    path: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: Map<String, Value>,
    schemas: Schemas,
}

/// The schemas of a document.
#[derive(Debug)]
pub(super) struct Schemas {
    /// Of answers: named, once in the document.
    answers: SchemaGenerator,
    /// Of what is taken: a type that is also answered has another schema here, so these stand where they are used.
    taken: SchemaGenerator,
}

/// What is left of a description besides its schemas.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    pub(super) answers: Map<String, Value>,
}

impl Operation {
    pub(super) fn new(path: &'static str, schemas: Schemas) -> Self {
        Self { path, parameters: Vec::new(), body: None, answers: Map::new(), schemas }
    }

    pub(super) fn finish(mut self) -> (Described, Schemas) {
        self.undescribed_parameters();
        let Self { path: _, parameters, body, answers, schemas } = self;
        (Described { parameters, body, answers }, schemas)
    }

    /// The keys of the query string are the fields of `T`.
    pub fn takes_query<T: JsonSchema>(&mut self) {
        self.takes_fields::<T>("query");
        self.refuses(StatusCode::BAD_REQUEST);
    }

    /// The parameters of the path are the fields of `T`.
    pub fn takes_path<T: JsonSchema>(&mut self) {
        self.takes_fields::<T>("path");
        self.refuses(StatusCode::BAD_REQUEST);
    }

    /// The body is a `T` as JSON.
    pub fn takes_json<T: JsonSchema>(&mut self) {
        let schema = self.schemas.taken.subschema_for::<T>();
        self.body = Some(json!({"required": true, "content": {"application/json": {"schema": schema}}}));
        for status in [
            StatusCode::BAD_REQUEST,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ] {
            self.refuses(status);
        }
    }

    /// The body is bytes of any kind.
    pub fn takes_bytes(&mut self) {
        self.body = Some(json!({"required": true, "content": {"application/octet-stream": {}}}));
        self.refuses(StatusCode::PAYLOAD_TOO_LARGE);
    }

    /// Answers a `T` as JSON.
    pub fn answers_json<T: JsonSchema>(&mut self, status: StatusCode) {
        let schema = self.schema_of::<T>();
        self.answers_media(status, "application/json", &json!({"schema": schema}));
    }

    /// Answers text.
    pub fn answers_text(&mut self, status: StatusCode) {
        self.answers_media(status, "text/plain", &json!({"schema": {"type": "string"}}));
    }

    /// Answers a stream of events whose data is a `T` as JSON.
    pub fn answers_events<T: JsonSchema>(&mut self) {
        let data = self.schema_of::<T>();
        let media = json!({"schema": {"type": "string"}, "x-event-data": data});
        self.answers_media(StatusCode::OK, "text/event-stream", &media);
    }

    /// Answers a document of one of these media types.
    pub fn answers_documents(&mut self, status: StatusCode, media_types: &[&'static str]) {
        let content: Map<String, Value> =
            media_types.iter().map(|kind| ((*kind).to_owned(), json!({"schema": {"type": "string"}}))).collect();
        self.answers.insert(status.as_str().to_owned(), json!({"description": reason(status), "content": content}));
    }

    /// Answers without a body.
    pub fn answers_nothing(&mut self, status: StatusCode) {
        self.answers.insert(status.as_str().to_owned(), json!({"description": reason(status)}));
    }

    /// Answers a problem of this status.
    pub fn refuses(&mut self, status: StatusCode) {
        self.answers.insert(status.as_str().to_owned(), json!({"$ref": "#/components/responses/Problem"}));
    }

    fn answers_media(&mut self, status: StatusCode, media_type: &str, media: &Value) {
        let answer = json!({"description": reason(status), "content": {media_type: media}});
        self.answers.insert(status.as_str().to_owned(), answer);
    }

    fn schema_of<T: JsonSchema>(&mut self) -> Schema {
        self.schemas.answers.subschema_for::<T>()
    }

    fn takes_fields<T: JsonSchema>(&mut self, place: &str) {
        let schema = T::json_schema(&mut self.schemas.taken);
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let parameters = fields.map(|(name, field)| {
            let required = place == "path" || required.contains(&name.as_str());
            parameter(name, place, required, field)
        });
        self.parameters.extend(parameters);
    }

    /// Parameters of the path that no argument of the handler reads, such as the agent of a heartbeat.
    fn undescribed_parameters(&mut self) {
        let names = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        for name in names.map(|name| name.trim_start_matches('*')) {
            if !self.parameters.iter().any(|known| known["name"] == name && known["in"] == "path") {
                self.parameters.push(parameter(name, "path", true, &json!({"type": "string"})));
            }
        }
    }
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = |inline_subschemas| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings.inline_subschemas = inline_subschemas;
            settings
        };
        Self {
            answers: settings(false).for_serialize().into_generator(),
            taken: settings(true).for_deserialize().into_generator(),
        }
    }

    pub(super) fn of<T: JsonSchema>(&mut self) -> Schema {
        self.answers.subschema_for::<T>()
    }

    /// Every named schema. Of a recursive type that is taken the inner part has a name too.
    pub(super) fn into_named(mut self) -> Map<String, Value> {
        let mut named = self.taken.take_definitions(true);
        named.extend(self.answers.take_definitions(true));
        named.sort_keys();
        named
    }
}

/// A field of a struct as a parameter: what its schema says of it moves to where readers look for it.
fn parameter(name: &str, place: &str, required: bool, field: &Value) -> Value {
    let mut schema = field.clone();
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let mut parameter = json!({"name": name, "in": place, "required": required, "schema": schema});
    if let Some(description) = description {
        parameter["description"] = description;
    }
    parameter
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Answer")
}
