using Ote.Cluster.Access;
using Ote.Cluster.Audit;
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
/// <param name="access">What may pass.</param>
/// <param name="refuse">Takes receipts for commands that cannot be carried out.</param>
/// <param name="time">The clock.</param>
/// <param name="stop">Ends waits.</param>
/// <param name="audit">Where refusals are noted; null: nowhere.</param>
internal sealed class Dispatcher(
    RouteKeeper routes, CommandExecutor executor, Transit transit, ICommandAccess access, Func<IReadOnlyList<Receipt>, Task> refuse, TimeProvider time, CancellationToken stop,
    AuditLog? audit = null)
{
    private const int NamesAtOnce = 1000;

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

        if (command.Refusal.Length > 0)
        {
            await PassAsync(message, selector, meant).ConfigureAwait(false);
            return;
        }

        string[] names = [.. meant.ByNextHop.SelectMany(n => n.Value), .. meant.Self ? [self.Name] : Array.Empty<string>()];
        var verdict = await access.JudgeAsync(command, names, stop).ConfigureAwait(false);
        if (!verdict.IsBound)
        {
            await PassAsync(message, selector, meant).ConfigureAwait(false);
            return;
        }

        if (verdict.Refused.Count > 0)
        {
            audit?.Write(AuditLine.Refused(self.Name, command, verdict.Refused, verdict.Text, time.GetUtcNow()));
        }

        foreach (var (part, to) in Judged(message, selector, verdict, names))
        {
            await PassAsync(part, to, routes.Read(t => t.Resolve(to))).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Takes a command for the own cluster, unless it has a condition that this cluster does not meet, or somebody on the way did not
    /// allow it. Durable when complete.
    /// </summary>
    public static Task ForSelfAsync(Command command, RouteEntry self, CommandExecutor executor) =>
        command.Condition.Length > 0 && !(ClusterSelector.TryParse(command.Condition, out var condition, out _) && condition.Matches(self.Name, self.Tags)) ? executor.DeclineAsync(command)
        : command.Refusal.Length > 0 ? executor.DeclineAsync(command, command.Refusal)
        : executor.TakeAsync(command);

    /// <summary>
    /// The messages that a command becomes when policies allow it for some clusters only. They go by name, so that they mean nobody else
    /// further down; who is not allowed gets one that asks for nothing any more, so that no build could run it, and answers for itself:
    /// it alone knows whether it had the command by another way before.
    /// </summary>
    public static IEnumerable<(Message Message, ClusterSelector To)> Judged(Message message, ClusterSelector selector, AccessVerdict verdict, IReadOnlyCollection<string> names)
    {
        foreach (var chunk in names.Where(n => !verdict.Refused.Contains(n)).Chunk(NamesAtOnce))
        {
            yield return Named(message, selector, chunk, "");
        }

        foreach (var chunk in names.Where(verdict.Refused.Contains).Chunk(NamesAtOnce))
        {
            yield return Named(message, selector, chunk, verdict.Text);
        }
    }

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
            await executor.CancelAsync(cancel.CommandUid, cancel.Generation, cancel.Entry, cancel.SupersededBy).ConfigureAwait(false);
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

    private static (Message Message, ClusterSelector To) Named(Message message, ClusterSelector selector, string[] names, string refusal)
    {
        var to = ClusterSelector.OfNames(names);
        var part = message.Clone();
        part.Id = Google.Protobuf.ByteString.Empty;
        var command = part.Command;
        command.Condition = command.Condition.Length == 0 && selector.ExactNames is null ? selector.Canonical : command.Condition;
        command.Selector = to.Canonical;
        if (refusal.Length > 0)
        {
            (command.Refusal, command.Method, command.Url, command.ContentType, command.Body) = (refusal, "", "", "", Google.Protobuf.ByteString.Empty);
        }

        return (part, to);
    }

    private async Task PassAsync(Message message, ClusterSelector selector, RouteResolution meant)
    {
        foreach (var (part, children) in Split(message, selector, meant))
        {
            await transit.TakeAsync(part, children).ConfigureAwait(false);
        }

        if (meant.Self)
        {
            await ForSelfAsync(message.Command, routes.Self, executor).ConfigureAwait(false);
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
