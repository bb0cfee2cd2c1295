//! The connections at the level of bytes: cut with a reset, or mute and open.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::kind::FaultKind;
use super::tally::Tallies;

/// Whether clients reach the proxy at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// They do.
    #[default]
    Up,
    /// Connections are reset as soon as they are made.
    Refusing,
    /// Connections are made, and not a byte is read or written on them.
    Mute,
}

const LIVE: u8 = 0;
const MUTE: u8 = 1;
const CUT: u8 = 2;

/// One connection, as the rest of the proxy sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Arc<Condition>);

#[derive(Debug, Default)]
struct Condition {
    now: AtomicU8,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Condition {
    /// Returns whether that changes anything. What is cut stays cut.
    fn set(&self, to: u8) -> bool {
        let change = |now| (now != CUT && now != to).then_some(to);
        let changed = self.now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, change).is_ok();
        self.reader.wake();
        self.writer.wake();
        changed
    }
}

impl Wire {
    /// Resets the connection: nothing that was not written by now will be.
    pub(crate) fn cut(&self) {
        self.0.set(CUT);
    }

    /// From now on nothing is read or written, and the connection stays open.
    pub(crate) fn mute(&self) {
        self.0.set(MUTE);
    }
}

impl Connected<IncomingStream<'_, Door>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().wire.clone()
    }
}

/// All connections that are open, and what happens to new ones.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    link: Mutex<Link>,
    open: Mutex<Vec<Weak<Condition>>>,
}

impl Wires {
    fn admit(&self, tallies: &Tallies) -> Option<Wire> {
        let wire = Wire::default();
        match *self.link.lock().unwrap_or_else(PoisonError::into_inner) {
            Link::Up => {}
            Link::Refusing => {
                tallies.injected(FaultKind::Refused);
                return None;
            }
            Link::Mute => {
                wire.mute();
                tallies.injected(FaultKind::Muted);
            }
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|one| one.strong_count() > 0);
        open.push(Arc::downgrade(&wire.0));
        Some(wire)
    }

    /// Changes the link. Connections that are open are cut, go mute or come back to life with it.
    pub(crate) fn set_link(&self, link: Link, tallies: &Tallies) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
        match link {
            Link::Up => drop(self.set_all(LIVE)),
            Link::Refusing => self.sever(tallies),
            Link::Mute => self.mute(tallies),
        }
    }

    /// Cuts every connection.
    pub(crate) fn sever(&self, tallies: &Tallies) {
        tallies.injected_times(FaultKind::Severed, self.set_all(CUT));
    }

    /// Makes every open connection mute.
    pub(crate) fn mute(&self, tallies: &Tallies) {
        tallies.injected_times(FaultKind::Muted, self.set_all(MUTE));
    }

    fn set_all(&self, to: u8) -> usize {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().filter_map(Weak::upgrade).filter(|condition| condition.set(to)).count()
    }
}

/// The listener.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) listener: TcpListener,
    pub(crate) wires: Arc<Wires>,
    pub(crate) tallies: Arc<Tallies>,
}

impl Listener for Door {
    type Io = Gate;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Gate, SocketAddr) {
        loop {
            // axum's own listener waits where the system is out of descriptors.
            let (stream, address) = Listener::accept(&mut self.listener).await;
            match self.wires.admit(&self.tallies) {
                Some(wire) => return (Gate { stream, wire }, address),
                None => reset(&stream),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Closing it will send a RST and not a FIN.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "the client was gone already");
    }
}

/// A connection whose bytes pass only while its wire is live.
#[derive(Debug)]
pub(crate) struct Gate {
    stream: TcpStream,
    wire: Wire,
}

impl Drop for Gate {
    fn drop(&mut self) {
        if self.wire.0.now.load(Ordering::SeqCst) == CUT {
            reset(&self.stream);
        }
    }
}

impl Gate {
    /// `Ready(Ok)` where bytes may pass. The waker is registered first, so that no change is missed.
    fn pass(&self, waker: &AtomicWaker, context: &Context<'_>) -> Poll<io::Result<()>> {
        waker.register(context.waker());
        match self.wire.0.now.load(Ordering::SeqCst) {
            LIVE => Poll::Ready(Ok(())),
            MUTE => Poll::Pending,
            _ => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }

    fn pass_write(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.pass(&self.wire.0.writer, context)
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(self.pass(&self.wire.0.reader, context))?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.pass_write(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.pass_write(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.pass_write(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
