using System.Security.Cryptography.X509Certificates;

namespace Ote.Kube.Client;

/// <summary>
/// Requests that show a certificate which somebody renews. A server judges who asks by the connection that they come on, so a pool that was made with the former certificate goes on asking as somebody whose time has run out, for
/// as long as requests keep it warm. Here the pool is left as soon as the files hold another certificate: what comes next is asked over connections that show the new one, and what is being answered ends where it is.
/// Thread-safe.
/// </summary>
/// <param name="certificate">What the connections show.</param>
/// <param name="connect">Makes a pool, whose connections show what <paramref name="certificate"/> is when each is made.</param>
/// <param name="time">The clock.</param>
internal sealed class RenewingHandler(RenewedCertificate certificate, Func<HttpMessageHandler> connect, TimeProvider time) : HttpMessageHandler
{
    /// <summary>How old the last look at the files may be when a request goes out: they are two, and small, and requests may be thousands a second.</summary>
    public static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private Pool? _pool;
    private long _looked;
    private bool _disposed;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var pool = Take();
        try
        {
            return await pool.Invoker.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Release(pool);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (_gate)
            {
                _disposed = true;
            }

            _pool?.Invoker.Dispose();
        }

        base.Dispose(disposing);
    }

    private Pool Take()
    {
        Pool? left = null;
        Pool taken;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_pool is null || time.GetElapsedTime(_looked) >= Look)
            {
                var shown = certificate.Current;
                if (!ReferenceEquals(shown, _pool?.Shown))
                {
                    (left, _pool) = (_pool, new Pool(new HttpMessageInvoker(connect()), shown));
                }

                _looked = time.GetTimestamp();
            }

            taken = _pool;
            taken.Pending++;
            if (left is { Pending: > 0 })
            {
                left = null; // the last that waits there closes it
            }
        }

        left?.Invoker.Dispose();
        return taken;
    }

    private void Release(Pool pool)
    {
        bool isLeft;
        lock (_gate)
        {
            isLeft = --pool.Pending == 0 && !ReferenceEquals(pool, _pool);
        }

        if (isLeft)
        {
            pool.Invoker.Dispose(); // An answer whose body is still being read keeps its connection until that has ended.
        }
    }

    private sealed class Pool(HttpMessageInvoker invoker, X509Certificate2 shown)
    {
        public HttpMessageInvoker Invoker { get; } = invoker;

        public X509Certificate2 Shown { get; } = shown;

        /// <summary>Requests that wait for the head of their answer.</summary>
        public int Pending { get; set; }
    }
}
