using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ote.Cluster.Reports;
using Ote.Kube.Resources;

namespace Ote.Roles.ControllerManager;

/// <summary>
/// By what controller managers know each other: the certificate that the root gives them all, by a Secret, for its own door. Who has it may follow the whole tree anyway. It is read again each half minute, and when one comes with a certificate of another authority; that of the root before is
/// believed for as long as there has not been another since, for replicas of a root have each its own. Thread-safe.
/// </summary>
/// <param name="read">Reads the Secret.</param>
/// <param name="time">The clock.</param>
internal sealed class PeerTrust(Func<CancellationToken, Task<FollowPlace>> read, TimeProvider time) : IDisposable
{
    private static readonly Oid ClientAuth = new("1.3.6.1.5.5.7.3.2");
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Soonest = TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim _one = new(1);
    private volatile Authorities _authorities = new([]);
    private volatile FollowPlace? _known;
    private long? _readAt;

    /// <summary>The certificate, and where the root is; null: it could not be read yet.</summary>
    public FollowPlace? Known => _known;

    /// <summary>Reads the Secret, and remembers it.</summary>
    /// <exception cref="IOException">It is not known; the message says why.</exception>
    public async Task<FollowPlace> ReadAsync(CancellationToken ct)
    {
        var place = await read(ct).ConfigureAwait(false);
        await _one.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            Take(place);
        }
        finally
        {
            _one.Release();
        }

        return place;
    }

    /// <summary>Keeps it fresh until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await RefreshAsync(Soonest, stop).ConfigureAwait(false);
            await Task.Delay(_known is null ? Soonest : Fresh, time, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Whether a certificate is a controller manager's: issued to one by the root's authority, and valid now.</summary>
    public async ValueTask<bool> BelievesAsync(X509Certificate2 certificate, CancellationToken ct)
    {
        if (certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false) != FollowSecret.User)
        {
            return false;
        }

        if (_authorities.Issued(certificate, time.GetUtcNow()))
        {
            return true;
        }

        await RefreshAsync(Soonest, ct).ConfigureAwait(false); // perhaps another replica of the root leads since
        return _authorities.Issued(certificate, time.GetUtcNow());
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    private async Task RefreshAsync(TimeSpan notBefore, CancellationToken ct)
    {
        await _one.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            if (_readAt is not { } at || time.GetElapsedTime(at) >= notBefore)
            {
                _readAt = time.GetTimestamp();
                Take(await read(ct).ConfigureAwait(false));
            }
        }
        catch (IOException)
        {
            // Whoever follows the reports says so; what was known is gone on with.
        }
        finally
        {
            _one.Release();
        }
    }

    private void Take(FollowPlace place)
    {
        if (_authorities.Pems is not [var first, ..] || first != place.AuthorityPem)
        {
            _authorities = new Authorities([place.AuthorityPem, .. _authorities.Pems.Where(p => p != place.AuthorityPem).Take(1)]);
        }

        _known = place;
    }

    private sealed class Authorities(IReadOnlyList<string> pems)
    {
        private readonly ConditionalWeakTable<X509Certificate2, StrongBox<bool>> _seen = [];

        public IReadOnlyList<string> Pems => pems;

        public bool Issued(X509Certificate2 certificate, DateTimeOffset now) =>
            now >= certificate.NotBefore && now <= certificate.NotAfter && _seen.GetValue(certificate, key => new StrongBox<bool>(Builds(key, now))).Value;

        private bool Builds(X509Certificate2 certificate, DateTimeOffset now)
        {
            using var chain = new X509Chain();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            foreach (var pem in pems)
            {
                chain.ChainPolicy.CustomTrustStore.ImportFromPem(pem);
            }

            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            chain.ChainPolicy.DisableCertificateDownloads = true;
            chain.ChainPolicy.VerificationTime = now.UtcDateTime;
            chain.ChainPolicy.ApplicationPolicy.Add(ClientAuth);
            return pems.Count > 0 && chain.Build(certificate);
        }
    }
}
