//! Stand-in.
use api::ContainerId;
use api::violation::SubjectKind;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub struct PodFacts {
    pub uid: String,
    pub namespace: String,
    pub name: String,
    pub node: String,
    pub labels: BTreeMap<String, String>,
    pub namespace_labels: Option<BTreeMap<String, String>>,
    pub app: App,
    pub owner: Owner,
    pub containers: Vec<ContainerFacts>,
    pub deleted: bool,
}
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    pub kind: SubjectKind,
    pub name: String,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Owner {
    pub kind: String,
    pub name: String,
    pub resolved: bool,
}
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerFacts {
    pub name: String,
    pub id: Option<ContainerId>,
    pub image: String,
    pub image_id: String,
}
