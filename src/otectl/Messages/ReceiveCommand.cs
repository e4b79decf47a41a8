using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Objects;
using Ote.Messages;

namespace Ote.Ctl.Messages;

/// <summary><c>otectl receive --socket PATH</c>: takes this cluster's messages, one after the other.</summary>
internal sealed class ReceiveCommand
{
    private const int MostLeft = 10_000;
    private readonly Option<string?> _socket = Socket();
    private readonly Option<string?> _topic = new("--topic", "-t") { Description = "Of this topic only", HelpName = "TOPIC" };
    private readonly Option<bool> _follow = new("--follow") { Description = "Go on with messages that come later, until interrupted" };
    private readonly Option<bool> _peek = new("--peek") { Description = "Leave them there: others get them in 30 seconds" };

    private ReceiveCommand()
    {
    }

    /// <summary>The controller's message socket.</summary>
    internal static Option<string?> Socket() => new("--socket") { Description = "The message socket of the cluster controller on this machine (its --message-socket)", HelpName = "PATH" };

    internal static Command Build(CommandRunner runner)
    {
        var receive = new ReceiveCommand();
        return runner.Attach(new Command("receive", "Take messages that came for this cluster.") { receive._socket, receive._topic, receive._follow, receive._peek }, receive.RunAsync);
    }

    private async Task<ExitCode> RunAsync(Invocation run, CancellationToken cancellation)
    {
        var socket = run.Typed.GetValue(_socket)
            ?? throw new CtlException(ExitCode.Usage, "--socket: messages are taken at a cluster; name the message socket of its controller (ote cluster-controller --message-socket PATH)");
        using var client = new MessageClient(socket);
        var topic = run.Typed.GetValue(_topic);
        var follows = run.Typed.GetValue(_follow);
        var left = new HashSet<string>(StringComparer.Ordinal);
        while (true)
        {
            var taken = await client.TakeAsync(topic, 1, follows ? TimeSpan.FromSeconds(30) : TimeSpan.Zero, cancellation).ConfigureAwait(false);
            foreach (var message in taken)
            {
                var isShown = run.Format == OutputFormat.Json || Text(message) is not null;
                if (isShown || Remember(left, message.Id))
                {
                    Print(run, message);
                }

                // What was not shown is not taken: it comes again, and is told once.
                if (isShown && !run.Typed.GetValue(_peek))
                {
                    await client.AcknowledgeAsync(message, cancellation).ConfigureAwait(false);
                }
            }

            if (taken.Count == 0 && !follows)
            {
                return ExitCode.Ok;
            }
        }
    }

    private static bool Remember(HashSet<string> left, string id)
    {
        if (left.Count >= MostLeft)
        {
            left.Clear();
        }

        return left.Add(id);
    }

    private static void Print(Invocation run, ClusterMessage message)
    {
        if (run.Format == OutputFormat.Json)
        {
            var line = new JsonObject
            {
                ["id"] = message.Id, ["from"] = message.From, ["topic"] = message.Topic, ["contentType"] = message.ContentType, ["body"] = Convert.ToBase64String(message.Body.Span),
                ["hops"] = message.Hops, ["arrived"] = message.Arrived.ToString("O", CultureInfo.InvariantCulture),
            };
            run.Out.Write(line.ToJsonString() + "\n");
            return;
        }

        run.Out.Write($"{message.From} {message.Topic}: {Text(message) ?? NoText(message)}\n");
    }

    /// <summary>A body that is text; null of any other: a terminal would take its bytes for orders.</summary>
    private static string? Text(ClusterMessage message) =>
        Utf8.IsValid(message.Body.Span) && Encoding.UTF8.GetString(message.Body.Span) is var text && text.All(c => !char.IsControl(c) || c is '\n' or '\r' or '\t') ? text : null;

    private static string NoText(ClusterMessage message) =>
        $"({Plural.Of(message.Body.Length, "byte")}, no text{(message.ContentType.Length > 0 ? $", {Cell.Printable(message.ContentType)}" : "")}; it stays there: -o json takes it, in base64)";
}
