//! Serves a folder as an object store with the protocol of S3: its folders are buckets. It knows one user, by key and secret.
//!
//! `treaty-s3-server FOLDER KEY SECRET` listens on a free port of this machine, prints the address, and serves until its
//! input ends.

use hyper::service::{Service, service_fn};
use hyper::{Method, Request, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, key, secret] = arguments.as_slice() else {
        eprintln!("usage: treaty-s3-server FOLDER KEY SECRET");
        return ExitCode::from(2);
    };
    // Whoever started it went away when the input ends, and so does the server.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    match serve(folder, key, secret) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve(folder: &str, key: &str, secret: &str) -> Result<(), Box<dyn std::error::Error>> {
    let files = s3s_fs::FileSystem::new(folder).map_err(|e| format!("{e:?}"))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(key, secret));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let http = Builder::new(TokioExecutor::new());
    // The library looks whether an object is there before it writes it. An object store does both at once, and so does
    // this one when it writes one object after the other.
    let writing = Arc::new(Mutex::new(()));
    loop {
        let (socket, _) = listener.accept().await?;
        let (service, writing) = (service.clone(), Arc::clone(&writing));
        let one = service_fn(move |request: Request<Incoming>| {
            let (service, writing) = (service.clone(), Arc::clone(&writing));
            async move {
                let _one = if request.method() == Method::PUT { Some(writing.lock().await) } else { None };
                Service::call(&service, request).await
            }
        });
        let connection = http.serve_connection(TokioIo::new(socket), one).into_owned();
        tokio::spawn(async move {
            // A client that goes away is no fault of the server.
            let _ = connection.await;
        });
    }
}
