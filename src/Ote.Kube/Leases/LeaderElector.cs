using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Kube.Leases;

/// <summary>
/// The running side of an <see cref="Election"/>: reads and writes the lease, and has one piece of work done while this candidate leads. Losing
/// the lease ends that work, never the process.
/// </summary>
/// <param name="api">Where the lease is.</param>
/// <param name="ns">Its namespace.</param>
/// <param name="name">Its name.</param>
/// <param name="identity">See <see cref="Election"/>.</param>
/// <param name="address">See <see cref="Election"/>.</param>
/// <param name="options">Figures.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="log">Where changes are told.</param>
/// <param name="wants">Whether it is to lead, where it does not yet; null: always. Asked on the thread that takes part.</param>
public sealed class LeaderElector(
    KubeClient api, string ns, string name, string identity, string address, ElectionOptions options, TimeProvider time, Func<double> random, ILogger log, Func<bool>? wants = null)
{
    private const double Jitter = 0.2;
    private static readonly TimeSpan ResignPatience = TimeSpan.FromSeconds(2);
    private readonly Election _election = new(options, identity, address);
    private readonly long _started = time.GetTimestamp();
    private volatile LeaseRecord? _leader;
    private LeaseRecord? _told;
    private string? _cause;
    private long _lookedAt;

    /// <summary>This candidate's own; see <see cref="Election"/>.</summary>
    public string Identity => identity;

    /// <summary>
    /// The one that leads, as far as is known; null: nobody, or none of which that is known: what was read longer ago than a lease lasts tells nothing.
    /// </summary>
    public LeaseRecord? Leader => _leader is { Holder.Length: > 0 } leader && Now - Interlocked.Read(ref _lookedAt) <= options.LeaseDuration.TotalMilliseconds ? leader : null;

    /// <summary>Raised when another one leads than was known before, this candidate included; not when nobody does. On the thread that takes part.</summary>
    public event Action<LeaseRecord>? LeaderChanged;

    private long Now => (long)time.GetElapsedTime(_started).TotalMilliseconds;

    /// <summary>Takes part until stopped.</summary>
    /// <param name="lead">
    /// The work of the leader, given its term. Its token fires when it leads no more: it must end soon then, and until it has ended this candidate
    /// does not lead again. When it ends by itself, the lease is given up.
    /// </param>
    /// <param name="stop">Ends it; a lease that is held is given up, so that others need not wait.</param>
    public async Task RunAsync(Func<long, CancellationToken, Task> lead, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(lead);
        while (true)
        {
            if (await TryAsync(stop).ConfigureAwait(false))
            {
                await LeadAsync(lead, stop).ConfigureAwait(false);
            }

            await Task.Delay(Pause(), time, stop).ConfigureAwait(false);
        }
    }

    private async Task LeadAsync(Func<long, CancellationToken, Task> lead, CancellationToken stop)
    {
        var term = _election.Term;
        log.Leads(identity, name, term);
        using var led = CancellationTokenSource.CreateLinkedTokenSource(stop);

        // A timer of its own: it fires also while a request hangs.
        using var deadline = new CancellationTokenSource(Left(), time);
        using var over = deadline.Token.Register(led.Cancel);
        var work = lead(term, led.Token);
        try
        {
            while (!work.IsCompleted && !led.IsCancellationRequested)
            {
                await Task.WhenAny(work, Task.Delay(Pause(), time, led.Token)).ConfigureAwait(false);
                if (work.IsCompleted || led.IsCancellationRequested)
                {
                    break;
                }

                if (await TryAsync(led.Token).ConfigureAwait(false) && _election.Term == term)
                {
                    deadline.CancelAfter(Left());
                }
                else if (_election.Term != term)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Led too long without a renewal, or stopping.
        }
        finally
        {
            await led.CancelAsync().ConfigureAwait(false);
            await EndAsync(work).ConfigureAwait(false);
            log.LeadsNoMore(identity, name, term);
            await ResignAsync().ConfigureAwait(false);
        }
    }

    private async Task EndAsync(Task work)
    {
        try
        {
            await work.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // As asked.
        }
#pragma warning disable CA1031 // Whatever the leader's work failed on, another candidate may do better, and this one again later.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            log.LeaderFailed(identity, name, fault);
        }
    }

    /// <summary>Looks at the lease and takes or renews it if that is due; whether this candidate leads now.</summary>
    private async Task<bool> TryAsync(CancellationToken stop)
    {
        using var late = new CancellationTokenSource(options.RenewDeadline / 2, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        try
        {
            var lease = await api.GetAsync(Kinds.Leases, ns, name, either.Token).ConfigureAwait(false);
            var began = Now;
            _cause = null;
            Know(lease is null ? null : LeaseRecord.Of(lease));
            var former = _election.Term;
            if (_election.Decide(_leader, began, time.GetUtcNow()) is not { } next || (_election.Term == 0 && wants?.Invoke() == false))
            {
                return false;
            }

            await WriteAsync(lease, next, next.Term != former, either.Token).ConfigureAwait(false);
            _election.Written(next, began);
            Know(next);
            return true;
        }
        catch (KubeStatusException raced) when (raced.IsConflict || raced.IsAlreadyExists)
        {
            return false; // another one was faster; the next look tells who
        }
        catch (Exception away) when (away is HttpRequestException or KubeStatusException or IOException || (away is OperationCanceledException && !stop.IsCancellationRequested))
        {
            Unreachable(away is OperationCanceledException ? "the API server did not answer in time" : away.Message);
            return false;
        }
    }

    private void Unreachable(string cause)
    {
        if (cause != _cause)
        {
            log.LeaseUnreachable(name, _cause = cause);
        }
    }

    private void Know(LeaseRecord? record)
    {
        Interlocked.Exchange(ref _lookedAt, Now);
        _leader = record;
        if (Leader is { } now && (now.Holder, now.Term) != (_told?.Holder, _told?.Term))
        {
            _told = now;
            LeaderChanged?.Invoke(now);
        }
    }

    private Task<JsonObject> WriteAsync(JsonObject? lease, LeaseRecord next, bool begins, CancellationToken ct)
    {
        var wanted = lease?.Copy() ?? new JsonObject
        {
            ["apiVersion"] = Kinds.Leases.ApiVersion,
            ["kind"] = Kinds.Leases.Kind,
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns },
        };
        next.Write(wanted, begins ? time.GetUtcNow() : null);

        // The resourceVersion in it makes sure that it is still the one that was decided on.
        return lease is null ? api.CreateAsync(Kinds.Leases, ns, wanted, ct) : api.ReplaceAsync(Kinds.Leases, wanted, ct);
    }

    private async Task ResignAsync()
    {
        if (_election.Resign() is not { } free)
        {
            return;
        }

        using var late = new CancellationTokenSource(ResignPatience, time);
        try
        {
            if (await api.GetAsync(Kinds.Leases, ns, name, late.Token).ConfigureAwait(false) is { } lease && LeaseRecord.Of(lease).Holder == identity)
            {
                await WriteAsync(lease, free, begins: false, late.Token).ConfigureAwait(false);
            }
        }
        catch (Exception away) when (away is HttpRequestException or KubeStatusException or IOException or OperationCanceledException)
        {
            log.LeaseUnreachable(name, string.Create(CultureInfo.InvariantCulture, $"it could not be given up ({away.Message}); others take it in {options.LeaseDuration.TotalSeconds:0} s"));
        }
    }

    private TimeSpan Pause() => options.RetryPeriod * (1 + (Jitter * random()));

    private TimeSpan Left() => TimeSpan.FromMilliseconds(Math.Max(0, _election.LeadsUntil - Now));
}
