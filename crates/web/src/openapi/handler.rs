//! Functions as handlers whose types say what they take and answer.

use super::{Answers, Operation, Takes};

/// A handler that describes itself; implemented for async functions of up to six arguments that are `Takes`, whose
/// result is `Answers`. `Arguments` is the tuple of their types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it takes and answers",
    note = "every argument must implement `web::openapi::Takes`, the result `web::openapi::Answers`"
)]
pub trait Described<Arguments> {
    /// Writes down what the handler takes and answers.
    fn describe(operation: &mut Operation);
}

macro_rules! described {
    ($($argument:ident),*) => {
        impl<Handler, Answering, Answer, $($argument),*> Described<($($argument,)*)> for Handler
        where
            Handler: FnOnce($($argument),*) -> Answering,
            Answering: Future<Output = Answer>,
            Answer: Answers,
            $($argument: Takes,)*
        {
            fn describe(operation: &mut Operation) {
                $($argument::describe(operation);)*
                Answer::describe(operation);
            }
        }
    };
}

described!();
described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);
described!(A, B, C, D, E);
described!(A, B, C, D, E, F);
