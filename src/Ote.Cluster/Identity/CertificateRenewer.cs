using Microsoft.Extensions.Logging;
using Ote.Flow;

namespace Ote.Cluster.Identity;

/// <summary>
/// Keeps a certificate young: waits until it is due, has it renewed, and tries again for as long as that fails. Links that are up are
/// left alone; the next ones use the new certificate.
/// </summary>
/// <param name="identity">Whose certificate; gets the new one.</param>
/// <param name="renew">Obtains the next identity and has stored it when it returns; throws when there is none yet.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1).</param>
/// <param name="log">What was renewed, and why it is not.</param>
internal sealed class CertificateRenewer(
    IdentitySource identity, Func<CancellationToken, Task<ClusterIdentity>> renew, TimeProvider time, Func<double> random, ILogger log)
{
    // No timer runs longer than some seven weeks, and a clock that is set while we wait must be noticed.
    private static readonly TimeSpan LongestNap = TimeSpan.FromHours(1);
    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(2);

    // The root may be back at any moment, and until it has answered the cluster is known below its issuer only.
    private static readonly TimeSpan ProvisionalRetry = TimeSpan.FromSeconds(20);

    private readonly Signal woken = new();

    /// <summary>Renews whenever it is due, until stopped, and soon after another CA has begun to issue.</summary>
    /// <param name="atOnce">Whether to begin with a renewal, as when the certificate lacks a host.</param>
    /// <param name="stop">Ends it.</param>
    public async Task RunAsync(bool atOnce, CancellationToken stop)
    {
        identity.TrustChanged += _ => woken.Set();
        if (identity.Trust.IsStale(identity.Current)) woken.Set();
        while (true)
        {
            (DateTimeOffset begin, DateTimeOffset end) = Times();
            DateTimeOffset now = time.GetUtcNow();
            DateTimeOffset due = atOnce ? now : identity.Current.IsProvisional ? now + ProvisionalRetry : RenewalSchedule.Due(begin, end, now, random());
            while (await WaitUntilAsync(due, stop).ConfigureAwait(false))
            {
                // Another CA issues now. Nothing presses: as one that is overdue, so that not all come at once.
                DateTimeOffset soon = RenewalSchedule.Soon(begin, end, time.GetUtcNow(), random());
                if (identity.Trust.IsStale(identity.Current) && soon < due) due = soon;
            }

            atOnce = false;
            await RenewAsync(new BackoffOptions(FirstRetry, identity.Current.IsProvisional ? ProvisionalRetry : RenewalSchedule.RetryCeiling(begin, end)), stop).ConfigureAwait(false);
        }
    }

    private (DateTimeOffset Begin, DateTimeOffset End) Times() => (identity.Current.Certificate.NotBefore, identity.Current.Certificate.NotAfter);

    private async Task RenewAsync(BackoffOptions waits, CancellationToken stop)
    {
        Backoff backoff = new(waits, random);
        string? said = null;
        while (true)
        {
            string trouble;
            using CancellationTokenSource late = new(AttemptTimeout, time);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
            try
            {
                ClusterIdentity next = await renew(either.Token).ConfigureAwait(false);
                identity.NotRenewed = null; // before whoever hears of the new one looks
                identity.Replace(next);
                log.Renewed(next.Peer, next.Certificate.NotAfter);
                return;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                throw;
            }
#pragma warning disable CA1031 // Whatever keeps it from being renewed, it is tried again, and the cause is said.
            catch (Exception e)
#pragma warning restore CA1031
            {
                trouble = e is OperationCanceledException ? "no answer in time" : e.Message;
            }

            identity.NotRenewed = trouble;
            if (trouble != said) log.NotRenewed(identity.Current.Peer, identity.Current.Certificate.NotAfter, trouble);
            said = trouble;
            await Task.Delay(backoff.Next(), time, stop).ConfigureAwait(false);
        }
    }

    /// <summary>True when it was woken before, because the tree's CAs changed.</summary>
    private async Task<bool> WaitUntilAsync(DateTimeOffset due, CancellationToken stop)
    {
        for (TimeSpan left = due - time.GetUtcNow(); left > TimeSpan.Zero; left = due - time.GetUtcNow())
        {
            if (woken.TryTake()) return true;
            using CancellationTokenSource nap = CancellationTokenSource.CreateLinkedTokenSource(stop);
            Task woke = woken.WaitAsync(nap.Token).AsTask();
            await Task.WhenAny(woke, Task.Delay(left < LongestNap ? left : LongestNap, time, nap.Token)).ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();
            bool early = woke.IsCompletedSuccessfully;
            await nap.CancelAsync().ConfigureAwait(false);
            await woke.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (early || woke.IsCompletedSuccessfully) return true;
        }

        return false;
    }
}
