using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Ote.Kube.Server.Access;

namespace Ote.Kube.Server.Http;

/// <summary>
/// Reaches the server without a socket, as a given user. Answers stream: the caller gets the headers as soon as they are
/// known and reads the body as it is written; a reader that stops holds the writer back at 64 KiB. Thread-safe.
/// </summary>
internal sealed class InProcessHandler(RequestDelegate server, UserInfo user) : HttpMessageHandler
{
    private static readonly PipeOptions BodyOptions = new(pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024, useSynchronizationContext: false);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content switch
        {
            null => Stream.Null,
            ByteArrayContent or ReadOnlyMemoryContent or StreamContent => await request.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false),
            // What can only be written is written as fast as it is read.
            var other => Written(other),
        };
        var exchange = new Exchange(request, body, user);
        var run = Task.Run(() => exchange.RunAsync(server), CancellationToken.None);
        try
        {
            // The token that came with the request covers it up to its headers; afterwards disposing the body ends it.
            await exchange.Started.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            exchange.Abort();
            throw;
        }

        return exchange.ToResponse(request, run);
    }

    private static Stream Written(HttpContent content)
    {
        var pipe = new Pipe(BodyOptions);
        _ = WriteAsync();
        return pipe.Reader.AsStream();

        async Task WriteAsync()
        {
            try
            {
                await content.CopyToAsync(pipe.Writer.AsStream(leaveOpen: true)).ConfigureAwait(false);
                await pipe.Writer.CompleteAsync().ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Whoever reads the body is told.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                await pipe.Writer.CompleteAsync(fault).ConfigureAwait(false);
            }
        }
    }

    /// <summary>One request and its answer, both sides of it.</summary>
#pragma warning disable CA1001 // The source has no timer and no parent: nothing to release, and disposing it would race with a late Abort.
    private sealed class Exchange : IHttpResponseFeature, IHttpResponseBodyFeature, IHttpRequestLifetimeFeature
#pragma warning restore CA1001
    {
        private readonly Pipe _pipe = new(BodyOptions);
        private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly CancellationTokenSource _aborted = new();
        private readonly List<(Func<object, Task> Call, object State)> _starting = [];
        private readonly List<(Func<object, Task> Call, object State)> _completed = [];
        private readonly DefaultHttpContext _context;
        private readonly AbortableWriter _writer;
        private bool _hasStarted;

        public Exchange(HttpRequestMessage request, Stream body, UserInfo user)
        {
            RequestAborted = _aborted.Token;
            _writer = new AbortableWriter(this, _pipe.Writer);
            var features = new FeatureCollection();
            features.Set<IHttpRequestFeature>(RequestOf(request, body));
            features.Set<IHttpResponseFeature>(this);
            features.Set<IHttpResponseBodyFeature>(this);
            features.Set<IHttpRequestLifetimeFeature>(this);
            features.Set(new ApiUserFeature(user));
            _context = new DefaultHttpContext(features);
        }

        public Task Started => _started.Task;

        public int StatusCode { get; set; } = 200;

        public string? ReasonPhrase { get; set; }

        public IHeaderDictionary Headers { get; set; } = new HeaderDictionary();

        [Obsolete("Part of the interface; the body goes through Writer.")]
        public Stream Body { get => Stream; set => throw new NotSupportedException(); }

        public bool HasStarted => _hasStarted;

        public Stream Stream => field ??= Writer.AsStream();

        public PipeWriter Writer => _writer;

        public CancellationToken RequestAborted { get; set; }

        public void OnStarting(Func<object, Task> callback, object state) => _starting.Add((callback, state));

        public void OnCompleted(Func<object, Task> callback, object state) => _completed.Add((callback, state));

        public void DisableBuffering()
        {
            // Nothing is buffered beyond the pipe.
        }

        public async Task StartAsync(CancellationToken cancellationToken = default)
        {
            if (_hasStarted)
            {
                return;
            }

            _hasStarted = true;
            foreach (var (call, state) in _starting)
            {
                await call(state).ConfigureAwait(false);
            }

            _started.TrySetResult();
        }

        public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
            SendFileFallback.SendFileAsync(Stream, path, offset, count, cancellationToken);

        public async Task CompleteAsync()
        {
            await StartAsync().ConfigureAwait(false);
            await _pipe.Writer.CompleteAsync().ConfigureAwait(false);
        }

        public void Abort()
        {
            _ = _aborted.CancelAsync();
            _started.TrySetException(new HttpRequestException("the server aborted the request"));
            _pipe.Writer.CancelPendingFlush();
        }

        public async Task RunAsync(RequestDelegate server)
        {
            Exception? fault = null;
            try
            {
                await server(_context).ConfigureAwait(false);
                await StartAsync().ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Handed to the caller, on its side of the pipe.
            catch (Exception failed)
#pragma warning restore CA1031
            {
                fault = failed;
            }

            if (fault is null && _aborted.IsCancellationRequested)
            {
                fault = new IOException("the request was aborted");
            }

            _started.TrySetException(fault ?? new HttpRequestException("the server gave no answer"));
            await _pipe.Writer.CompleteAsync(fault).ConfigureAwait(false);
            foreach (var (call, state) in _completed)
            {
                await call(state).ConfigureAwait(false);
            }
        }

        public HttpResponseMessage ToResponse(HttpRequestMessage request, Task run)
        {
            var response = new HttpResponseMessage((HttpStatusCode)StatusCode)
            {
                RequestMessage = request,
                Content = new StreamContent(new BodyStream(_pipe.Reader.AsStream(), this, run)),
            };
            foreach (var (name, values) in Headers)
            {
                if (!response.Headers.TryAddWithoutValidation(name, values.AsEnumerable()))
                {
                    response.Content.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
                }
            }

            return response;
        }

        private static HttpRequestFeature RequestOf(HttpRequestMessage request, Stream body)
        {
            var uri = request.RequestUri!;
            var feature = new HttpRequestFeature
            {
                Protocol = "HTTP/2",
                Scheme = "https",
                Method = request.Method.Method,
                PathBase = "",
                Path = Uri.UnescapeDataString(uri.AbsolutePath),
                QueryString = uri.Query,
                RawTarget = uri.PathAndQuery,
                Body = body,
            };
            feature.Headers.Host = uri.Authority;
            foreach (var (name, values) in request.Headers.NonValidated.Concat(request.Content?.Headers.NonValidated ?? default))
            {
                feature.Headers[name] = values.ToArray();
            }

            return feature;
        }
    }

    /// <summary>Starts the answer at the first flush, and tells a writer whose reader has gone.</summary>
    private sealed class AbortableWriter(Exchange exchange, PipeWriter inner) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            await exchange.StartAsync(cancellationToken).ConfigureAwait(false);
            var result = await inner.FlushAsync(cancellationToken).ConfigureAwait(false);
            exchange.RequestAborted.ThrowIfCancellationRequested();
            return result;
        }
    }

    /// <summary>The reader's end; disposing it ends the request.</summary>
    private sealed class BodyStream(Stream inner, Exchange exchange, Task run) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            inner.ReadAsync(buffer, offset, count, cancellationToken);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                if (!run.IsCompleted)
                {
                    exchange.Abort();
                }

                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
