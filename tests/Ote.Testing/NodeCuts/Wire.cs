namespace Ote.Testing.NodeCuts;

/// <summary>
/// The way of one process to a server, with latency each way. It can be refused, go silent (what is on its way waits, as TCP repeats it), lose answers (the server does what it is asked, and nobody hears of it) and break; it ends with
/// its process. One thread.
/// </summary>
/// <param name="clock">The clock of the process: when it stops, nothing of it gets through any more.</param>
/// <param name="latency">Of each crossing.</param>
/// <param name="server">Where it leads; null: nobody is there.</param>
internal sealed class Wire(TimeProvider clock, Func<TimeSpan> latency, Func<HttpMessageHandler?> server)
{
    private CancellationTokenSource _connections = new();
    private TaskCompletionSource? _silence;
    private TaskCompletionSource? _deafness;

    /// <summary>Whether connections are refused.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>What a client sends by.</summary>
    public HttpMessageHandler CreateHandler() => new Crossing(this);

    /// <summary>Breaks what is open, and refuses what comes.</summary>
    public void Cut()
    {
        IsRefused = true;
        Break();
    }

    /// <summary>Nothing moves from now on.</summary>
    public void Silence() => _silence ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Requests arrive and are carried out, and answers do not come back.</summary>
    public void LoseAnswers() => _deafness ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>All is as it should be; what waited goes on.</summary>
    public void Heal()
    {
        IsRefused = false;
        _silence?.TrySetResult();
        _deafness?.TrySetResult();
        (_silence, _deafness) = (null, null);
    }

    /// <summary>What is open breaks; the next may work again.</summary>
    public void Break()
    {
        var broken = _connections;
        _connections = new CancellationTokenSource();
        broken.Cancel();
    }

    private async Task PassAsync(bool isAnswer, CancellationToken ends)
    {
        await Task.Delay(latency(), clock, ends).ConfigureAwait(false);
        while ((_silence ?? (isAnswer ? _deafness : null)) is { } held)
        {
            await held.Task.WaitAsync(ends).ConfigureAwait(false);
        }
    }

    private HttpMessageHandler? Server() => server();

    private sealed class Crossing(Wire wire) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (wire.IsRefused)
            {
                throw Refused();
            }

            var connection = wire._connections.Token;
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(connection, cancellationToken);
            try
            {
                await wire.PassAsync(isAnswer: false, ends.Token).ConfigureAwait(false);
                var to = wire.IsRefused ? null : wire.Server();
                using var invoker = new HttpMessageInvoker(to ?? throw Refused(), disposeHandler: false);
                var answer = await invoker.SendAsync(request, ends.Token).ConfigureAwait(false);
                if (request.RequestUri!.Query.Contains("watch=", StringComparison.Ordinal) && answer.IsSuccessStatusCode)
                {
                    await wire.PassAsync(isAnswer: true, ends.Token).ConfigureAwait(false);
                    answer.Content = new StreamContent(new Stretch(wire, await answer.Content.ReadAsStreamAsync(CancellationToken.None).ConfigureAwait(false), connection));
                    return answer;
                }

                var headers = answer.Content.Headers;
                var whole = new ByteArrayContent(await answer.Content.ReadAsByteArrayAsync(ends.Token).ConfigureAwait(false));
                foreach (var (name, values) in headers.NonValidated)
                {
                    whole.Headers.TryAddWithoutValidation(name, values);
                }

                answer.Content = whole;
                await wire.PassAsync(isAnswer: true, ends.Token).ConfigureAwait(false);
                return answer;
            }
            catch (Exception broken) when (connection.IsCancellationRequested && !cancellationToken.IsCancellationRequested && broken is not HttpRequestException)
            {
                throw new HttpRequestException("the connection broke", broken);
            }
        }

        private static HttpRequestException Refused() => new(HttpRequestError.ConnectionError, "connection refused");
    }

    /// <summary>An answer that goes on, over this way.</summary>
    private sealed class Stretch(Wire wire, Stream inner, CancellationToken connection) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(connection, cancellationToken);
            try
            {
                var count = await inner.ReadAsync(buffer, ends.Token).ConfigureAwait(false);
                await wire.PassAsync(isAnswer: true, ends.Token).ConfigureAwait(false);
                return count;
            }
            catch (Exception broken) when (connection.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new IOException("the connection broke", broken);
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

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
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
