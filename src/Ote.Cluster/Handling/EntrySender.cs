using Ote.Cluster.Commands;
using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// Sends what a control entry has to say into the subtree: encoded once for all children that get the same. Nothing is kept here; the
/// entry's own objects are what survives, and what did not leave is sent when its target is heard of again.
/// </summary>
internal sealed class EntrySender(RouteKeeper routes, Func<string, ILink?> linkTo, CommandExecutor executor, TunnelRuntime runtime, TimeProvider time) : ICommandSender
{
    public (IReadOnlyList<string> Names, IReadOnlySet<string> Away) Resolve(ClusterSelector selector) => routes.Read(t =>
    {
        var meant = t.Resolve(selector);
        var names = meant.ByNextHop.SelectMany(n => n.Value).ToList();
        var away = names.Where(n => t.Find(n) is not { Online: true }).ToHashSet(StringComparer.Ordinal);
        if (meant.Self)
        {
            names.Add(t.Self.Name);
        }

        return ((IReadOnlyList<string>)names, (IReadOnlySet<string>)away);
    });

    public async Task<IReadOnlyList<string>> SendAsync(Command command, ClusterSelector selector)
    {
        var meant = routes.Read(t => t.Resolve(selector));
        var message = new Message { Lane = Lane.Commands, Command = command.Clone() };
        message.Command.Selector = selector.Canonical;
        message = Deadlines.Outgoing(message, time.GetUtcNow());
        var left = new List<string>();
        foreach (var (part, children) in Dispatcher.Split(message, selector, meant))
        {
            var shared = runtime.Share(part);
            foreach (var child in children)
            {
                if (linkTo(child) is { } link && (link.TrySend(shared) || await SendSlowlyAsync(link, part).ConfigureAwait(false)))
                {
                    left.AddRange(meant.ByNextHop[child]);
                }
            }
        }

        if (meant.Self)
        {
            await executor.TakeAsync(command.Clone()).ConfigureAwait(false);
            left.Add(routes.Self.Name);
        }

        return left;
    }

    public async Task CancelAsync(CancelCommand cancel, ClusterSelector selector)
    {
        var meant = routes.Read(t => t.Resolve(selector));
        cancel.Selector = selector.Canonical;
        var shared = runtime.Share(new Message { Lane = Lane.Commands, CancelCommand = cancel });
        foreach (var child in meant.ByNextHop.Keys)
        {
            linkTo(child)?.TrySend(shared);
        }

        if (meant.Self)
        {
            await executor.CancelAsync(cancel.CommandUid, cancel.Generation, cancel.Entry).ConfigureAwait(false);
        }
    }

    private async Task<bool> SendSlowlyAsync(ILink link, Message message)
    {
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10), time);
            await link.SendAsync(message, patience.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception lost) when (lost is LinkClosedException or OperationCanceledException)
        {
            return false;
        }
    }
}
