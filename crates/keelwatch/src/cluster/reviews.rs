//! Whose a token of the cluster is, as the HTTP side asks it of the API server.

use std::pin::Pin;

use kubeio::{Access, CallError, Cluster, User};
use runtime::tasks::Failure;
use web::access::{Caller, Reviewer, Unavailable, Verb, Verdict};

/// Asks this cluster.
#[derive(Debug)]
pub(crate) struct Reviews(pub(crate) Cluster);

type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 'a>>;

impl Reviewer for Reviews {
    fn who<'a>(&'a self, token: &'a str, audiences: &'a [String]) -> Asked<'a, Option<Caller>> {
        Box::pin(async move {
            let user = self.0.review_token(token, audiences).await.map_err(unavailable)?;
            Ok(user.map(|User { username, uid, groups, extra }| Caller { user: username, uid, groups, extra }))
        })
    }

    fn may<'a>(&'a self, caller: &'a Caller, verb: Verb, path: &'a str) -> Asked<'a, Verdict> {
        Box::pin(async move {
            let Caller { user, uid, groups, extra } = caller.clone();
            let user = User { username: user, uid, groups, extra };
            Ok(match self.0.may(&user, verb.as_str(), path).await.map_err(unavailable)? {
                Access::Allowed => Verdict::Yes,
                Access::Denied { reason } => Verdict::No { reason },
            })
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an error")]
fn unavailable(error: CallError) -> Unavailable {
    Unavailable(Failure::of(&error).to_string())
}
