using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Commands;
using Ote.Cluster.Journal;
using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// Sends what a control entry has to say into the subtree: encoded once for all children that get the same. Nothing is kept here; the
/// entry's own objects are what survives, and what did not leave is sent again when its target is heard of, or after a while.
/// </summary>
internal sealed class EntrySender(
    RouteKeeper routes, Func<string, ILink?> linkTo, Func<string, bool> isRevoked, Func<string, bool> mayExist, CommandExecutor executor, TunnelRuntime runtime, TimeProvider time, ILogger log) : ICommandSender
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public IReadOnlyList<string> Resolve(ClusterSelector selector) => routes.Read(t =>
    {
        var meant = t.Resolve(selector);
        var names = meant.ByNextHop.SelectMany(n => n.Value).ToList();
        if (meant.Self)
        {
            names.Add(t.Self.Name);
        }

        return names;
    });

    public MissingTargets Missing(IEnumerable<string> names) => routes.Read(t =>
    {
        List<string> away = [], unknown = [], stuck = [];
        foreach (var name in names)
        {
            if (t.Find(name) is not { } entry)
            {
                unknown.Add(name);
            }
            else if (!entry.Online && name != t.Self.Name)
            {
                away.Add(name);
            }
            else if (entry is { Managed: true, Local.IsReachable: false })
            {
                stuck.Add(name);
            }
        }

        return new MissingTargets(away, unknown, stuck);
    });

    public bool IsRevoked(string name) => routes.Read(t => t.Find(name)?.Uid) is { } uid && isRevoked(uid);

    public bool IsSilent(string name) => routes.Read(t => t.Find(name)) is { Managed: true, Local.Reports: false };

    public IReadOnlySet<string> Gone(IEnumerable<string> names) =>
        Missing(names).Unknown.Where(n => !mayExist(n)).ToHashSet(StringComparer.Ordinal);

    public async Task<IReadOnlyList<string>> SendAsync(Command command, ClusterSelector selector)
    {
        var meant = routes.Read(t => t.Resolve(selector));
        var message = new Message { Lane = Lane.Commands, Command = command.Clone() };
        message.Command.Selector = selector.Canonical;
        using var activity = runtime.Activities.StartActivity("command.send", ActivityKind.Producer, command.Traceparent);
        var left = (await SendAsync(message, selector, meant).ConfigureAwait(false)).SelectMany(child => meant.ByNextHop[child]).ToList();
        if (meant.Self && await OwnAsync(() => Dispatcher.ForSelfAsync(command.Clone(), routes.Self, executor)).ConfigureAwait(false))
        {
            left.Add(routes.Self.Name);
        }

        return left;
    }

    public async Task CancelAsync(CancelCommand cancel, ClusterSelector selector)
    {
        var meant = routes.Read(t => t.Resolve(selector));
        var message = new Message { Lane = Lane.Commands, CancelCommand = cancel.Clone() };
        message.CancelCommand.Selector = selector.Canonical;
        await SendAsync(message, selector, meant).ConfigureAwait(false);
        if (meant.Self)
        {
            await OwnAsync(() => executor.CancelAsync(cancel.CommandUid, cancel.Generation, cancel.Entry, cancel.SupersededBy)).ConfigureAwait(false);
        }
    }

    /// <summary>The children it has left for.</summary>
    private async Task<IReadOnlyList<string>> SendAsync(Message message, ClusterSelector selector, RouteResolution meant)
    {
        var left = new List<string>();
        var slow = new List<(string Child, Task<bool> Left)>();
        foreach (var (part, children) in Dispatcher.Split(Deadlines.Outgoing(message, time.GetUtcNow()), selector, meant))
        {
            var shared = runtime.Share(part);
            foreach (var child in children)
            {
                if (linkTo(child) is not { } link)
                {
                    continue;
                }

                if (link.TrySend(shared))
                {
                    left.Add(child);
                }
                else
                {
                    // All at once: many children without room hold the others up once, not once each.
                    slow.Add((child, SendSlowlyAsync(link, part.Clone())));
                }
            }
        }

        foreach (var (child, sent) in slow)
        {
            if (await sent.ConfigureAwait(false))
            {
                left.Add(child);
            }
        }

        return left;
    }

    /// <summary>False when the own cluster could not keep it; then it is sent again like to any other.</summary>
    private async Task<bool> OwnAsync(Func<Task> take)
    {
        try
        {
            await take().ConfigureAwait(false);
            return true;
        }
        catch (JournalException broken)
        {
            log.JournalFailed("executions", broken);
            return false;
        }
    }

    private async Task<bool> SendSlowlyAsync(ILink link, Message message)
    {
        try
        {
            using var patience = new CancellationTokenSource(Patience, time);
            await link.SendAsync(message, patience.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception lost) when (lost is LinkClosedException or OperationCanceledException)
        {
            return false;
        }
    }
}
