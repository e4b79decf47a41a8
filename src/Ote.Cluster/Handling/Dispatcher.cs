using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Handling;

/// <summary>
/// Sends a command to whom it is meant for: to the own cluster, and once to each child behind which someone is meant.
/// </summary>
/// <param name="routes">Who is where.</param>
/// <param name="executor">The own cluster.</param>
/// <param name="transit">Keeps what goes to children.</param>
/// <param name="refuse">Takes receipts for commands that cannot be carried out.</param>
/// <param name="time">The clock.</param>
internal sealed class Dispatcher(RouteKeeper routes, CommandExecutor executor, Transit transit, Func<IReadOnlyList<Receipt>, Task> refuse, TimeProvider time)
{
    /// <summary>Takes a command from the parent; completes when everything it asks of this subtree is on disk.</summary>
    public async Task FromAboveAsync(Message message)
    {
        var command = message.Command;
        Deadlines.Arrived(command, time.GetUtcNow());
        var self = routes.Self;
        if (!ClusterSelector.TryParse(command.Selector, out var selector, out var error))
        {
            await refuse([Refusal(command, self.Name, Stage.Executed, "BadSelector", error.ToString())]).ConfigureAwait(false);
            return;
        }

        var meant = routes.Read(t => t.Resolve(selector));
        if (meant.Count == 0 && selector.ExactNames is null)
        {
            // Somebody here was meant when it was sent. If it was this cluster, it is no more; whoever else it was is asked by name.
            await executor.DeclineAsync(command).ConfigureAwait(false);
            return;
        }

        foreach (var (part, children) in Split(message, selector, meant))
        {
            await transit.TakeAsync(part, children).ConfigureAwait(false);
        }

        if (meant.Self)
        {
            await ForSelfAsync(command, self, executor).ConfigureAwait(false);
        }
    }

    /// <summary>Takes a command for the own cluster, unless it has a condition that this cluster does not meet. Durable when complete.</summary>
    public static Task ForSelfAsync(Command command, RouteEntry self, CommandExecutor executor) =>
        command.Condition.Length == 0 || (ClusterSelector.TryParse(command.Condition, out var condition, out _) && condition.Matches(self.Name, self.Tags))
            ? executor.TakeAsync(command)
            : executor.DeclineAsync(command);

    /// <summary>Takes a cancellation from the parent; completes when it is on disk.</summary>
    public async Task CancelFromAboveAsync(Message message)
    {
        var cancel = message.CancelCommand;
        Deadlines.Arrived(cancel, time.GetUtcNow());
        if (!ClusterSelector.TryParse(cancel.Selector, out var selector, out _))
        {
            return;
        }

        var meant = routes.Read(t => t.Resolve(selector));
        foreach (var (part, children) in Split(message, selector, meant))
        {
            await transit.TakeAsync(part, children).ConfigureAwait(false);
        }

        if (meant.Self)
        {
            await executor.CancelAsync(cancel.CommandUid, cancel.Generation, cancel.Entry).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The messages to send for one command or cancellation: one for all children when the selector says it for each of them, else one
    /// a child that names just those behind it, so that a list of names does not travel where it is not needed.
    /// </summary>
    public static IEnumerable<(Message Message, IReadOnlyCollection<string> Children)> Split(Message message, ClusterSelector selector, RouteResolution meant)
    {
        if (meant.ByNextHop.Count == 0)
        {
            yield break;
        }

        if (selector.ExactNames is null || (meant.ByNextHop.Count == 1 && !meant.Self && meant.Unknown.Count == 0))
        {
            yield return (message, [.. meant.ByNextHop.Keys]);
            yield break;
        }

        foreach (var (child, names) in meant.ByNextHop)
        {
            var part = message.Clone();
            part.Id = Google.Protobuf.ByteString.Empty;
            var text = ClusterSelector.OfNames(names).Canonical;
            if (part.Command is { } command)
            {
                command.Selector = text;
            }
            else
            {
                part.CancelCommand.Selector = text;
            }

            yield return (part, [child]);
        }
    }

    private Receipt Refusal(Command command, string cluster, Stage stage, string error, string text) => new()
    {
        Cluster = cluster,
        CommandUid = command.CommandUid,
        Generation = command.Generation,
        Entry = command.Entry,
        Stage = stage,
        Error = error,
        Text = text,
        AtUnixMilliseconds = time.GetUtcNow().ToUnixTimeMilliseconds(),
    };
}
