//! The Unix socket: made in a folder that others cannot enter, and served by one process at a time.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

use super::ControlError;

/// Where the agent of the state folder `state` is spoken to.
#[must_use]
pub fn socket_of(state: &Path) -> PathBuf {
    state.join("control.sock")
}

/// Whether a running agent serves the state folder `state`.
///
/// # Errors
/// When the folder's lock cannot be looked at.
pub fn is_served(state: &Path) -> Result<bool, ControlError> {
    let lock = socket_of(state).with_extension("lock");
    let file = match File::open(&lock) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(ControlError::system(lock)(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(ControlError::system(lock)(error)),
    }
}

/// Makes `folder` one that only its owner can enter.
///
/// # Errors
/// When it belongs to somebody else, or others may write to it: what is in it cannot be trusted then.
pub(crate) fn private(folder: &Path) -> Result<(), ControlError> {
    let system = || ControlError::system(folder);
    if !folder.is_dir() {
        return DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(system());
    }
    let mode = fs::metadata(folder).map_err(system())?.mode();
    if mode & 0o022 != 0 {
        let problem = "can be written to by others; take that away with chmod go-rwx".to_owned();
        return Err(ControlError::Unsafe { path: folder.to_owned(), problem });
    }
    if mode & 0o077 != 0 {
        // Fails, as it should, where the folder is not ours.
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(system())?;
    }
    Ok(())
}

/// Where connections come from.
pub(crate) trait Accept: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next one that may speak.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        Ok(Self::accept(self).await?.0)
    }
}

/// A bound socket. Its file goes with it; the lock beside it goes however the process ends.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    users: Vec<u32>,
    _lock: File,
}

impl Socket {
    /// Takes `path` over from a process that died, but from none that lives.
    pub(crate) fn bind(path: &Path) -> Result<Self, ControlError> {
        Self::bind_for(path, None)
    }

    /// As [`bind`](Self::bind), for another user as well. Everybody may then connect, and these two are heard.
    pub(crate) fn bind_for(path: &Path, other: Option<u32>) -> Result<Self, ControlError> {
        let lock = lock(path)?;
        match fs::symlink_metadata(path) {
            Ok(stale) if stale.file_type().is_socket() => {
                fs::remove_file(path).map_err(ControlError::system(path))?;
            }
            Ok(_other) => {
                let problem = "is there and is no socket; remove it".to_owned();
                return Err(ControlError::Unsafe { path: path.to_owned(), problem });
            }
            Err(_nothing_there) => {}
        }
        let listener = UnixListener::bind(path).map_err(ControlError::system(path))?;
        let mode = if other.is_some() { 0o666 } else { 0o600 };
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(ControlError::system(path))?;
        // What this process just made belongs to the user that it runs as.
        let owner = fs::metadata(path).map_err(ControlError::system(path))?.uid();
        Ok(Self {
            listener,
            path: path.to_owned(),
            users: other.into_iter().chain([owner]).collect(),
            _lock: lock,
        })
    }

    #[cfg(test)]
    pub(crate) fn be_of_another_user(&mut self) {
        self.users.iter_mut().for_each(|user| *user = user.wrapping_add(1));
    }
}

impl Accept for Socket {
    type Stream = UnixStream;

    /// Of those who are heard. Others are hung up on.
    async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _unnamed) = self.listener.accept().await?;
            if stream.peer_cred().is_ok_and(|peer| self.users.contains(&peer.uid())) {
                return Ok(stream);
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Held for as long as the socket is served: without it, two processes could each believe the other's socket stale.
fn lock(socket: &Path) -> Result<File, ControlError> {
    let path = socket.with_extension("lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(ControlError::system(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ControlError::Served(socket.to_owned())),
        Err(TryLockError::Error(error)) => Err(ControlError::system(path)(error)),
    }
}
