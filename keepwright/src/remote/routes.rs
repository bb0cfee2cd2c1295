//! What an agent may ask of the door: with the rights of a planner and of the reflex lane.

use agent_core::{
    OpportunityId, Origin,
    ports::{Command, DoorError, DoorStatus, Offered},
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    middleware::from_fn,
    routing::{get, post},
};

use super::{
    desk::DoorDesk,
    wire::{Answer, Ended, Heard, Offer, OnItsWay, Ordered, answer},
};
use crate::control::routes::{Refused, Told, in_time, nothing};

pub(super) fn agent(desk: DoorDesk) -> Router {
    Router::new()
        .route("/v1/offer", post(offer))
        .route("/v1/command", post(command))
        .route("/v1/recover", post(recover))
        .route("/v1/outcome/{id}", get(outcome))
        .route("/v1/status", get(status))
        .layer(from_fn(in_time))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .with_state(desk)
}

/// Who connects here is an agent, whatever it says that it is.
fn is_an_agents(origin: &Origin) -> Result<(), Refused> {
    match origin {
        Origin::Planner { .. } | Origin::Reflex { .. } => Ok(()),
        Origin::Operator | Origin::Sweep | Origin::Door => {
            let sentence =
                "an agent speaks for its planner and its reflex lane; the operator has a socket of its own";
            Err(Refused::new(StatusCode::FORBIDDEN, sentence))
        }
    }
}

fn broken(desk: &DoorDesk, error: DoorError) -> Refused {
    let refused = Refused::broken(&error);
    desk.breaks(error);
    refused
}

async fn offer(State(desk): State<DoorDesk>, Told(offer): Told<Offer>) -> Result<Json<Answer>, Refused> {
    let Offer { draft, origin } = offer;
    is_an_agents(&origin)?;
    let offered = desk.door().offer(draft, origin).await.map_err(|error| broken(&desk, error))?;
    let said = answer(&offered);
    if let Offered::Underway(underway) = offered {
        desk.follow(underway);
    }
    Ok(Json(said))
}

async fn command(State(desk): State<DoorDesk>, Told(ordered): Told<Ordered>) -> Result<Json<Heard>, Refused> {
    let Ordered { command, origin } = ordered;
    is_an_agents(&origin)?;
    if let Command::Reply { .. } | Command::Confirm { .. } = command {
        let sentence = "only the operator replies and confirms, on the operator's socket";
        return Err(Refused::new(StatusCode::FORBIDDEN, sentence));
    }
    let heard = desk.door().command(command, origin).await.map_err(|error| broken(&desk, error))?;
    Ok(Json(heard.map_or_else(Heard::Refused, |()| Heard::Done)))
}

async fn recover(State(desk): State<DoorDesk>) -> Json<Vec<OnItsWay>> {
    Json(desk.under_way())
}

async fn outcome(
    State(desk): State<DoorDesk>,
    Path(id): Path<OpportunityId>,
) -> Result<Json<Ended>, Refused> {
    desk.ended(id).await.map(Json).map_err(|error| broken(&desk, error))
}

async fn status(State(desk): State<DoorDesk>) -> Json<DoorStatus> {
    Json(desk.door().status())
}
