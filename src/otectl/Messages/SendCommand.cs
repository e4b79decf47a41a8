using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Cluster.Messages;
using Ote.Ctl.Cli;
using Ote.Ctl.Following;
using Ote.Ctl.Output;
using Ote.Kube.Objects;
using Ote.Messages;

namespace Ote.Ctl.Messages;

/// <summary><c>otectl send CLUSTER --topic TOPIC</c>: a message to another cluster's applications, from the cluster of the control API or of a message socket.</summary>
internal sealed class SendCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Argument<string> _to = new("CLUSTER") { HelpName = "CLUSTER", Description = "The cluster it is for" };
    private readonly Option<string> _topic = new("--topic", "-t") { Description = "What it is about; applications there take messages by it", HelpName = "TOPIC", Required = true };
    private readonly Option<string?> _data = new("--data", "-d") { Description = "The content as text", HelpName = "TEXT" };
    private readonly Option<string?> _file = new("--filename", "-f") { Description = "File of the content, at most 256 KiB; - reads standard input", HelpName = "FILE" };
    private readonly Option<string?> _type = new("--content-type") { Description = "What the content is, such as application/json", HelpName = "TYPE" };
    private readonly Option<TimeSpan?> _life = Durations.Option("--ttl", "How long it may wait for its cluster, at most 7d (default: 1h)");
    private readonly Option<bool> _noWait = new("--no-wait") { Description = "Return when it is taken, before it is delivered" };
    private readonly Option<TimeSpan?> _timeout = Durations.Option("--timeout", $"How long to wait for its delivery (default: {Durations.Format(Patience)})");

    private readonly Option<string?> _socket = ReceiveCommand.Socket();

    private SendCommand() => _to.CompletionSources.Add(Completions.Clusters);

    internal static Command Build(CommandRunner runner)
    {
        var send = new SendCommand();
        return runner.Attach(
            new Command("send", "Send a message to another cluster's applications.")
            {
                send._to, send._topic, send._data, send._file, send._type, send._life, send._noWait, send._timeout, send._socket,
            },
            send.RunAsync);
    }

    private async Task<ExitCode> RunAsync(Invocation run, CancellationToken cancellation)
    {
        var (to, topic) = (run.Typed.GetValue(_to)!, run.Typed.GetValue(_topic)!);
        var body = await BodyAsync(run, cancellation).ConfigureAwait(false);
        var life = run.Typed.GetValue(_life);
        if (life > MessageLimits.LongestLife)
        {
            throw new CtlException(
                ExitCode.Usage, $"--ttl: '{Durations.Format(life.Value)}' is more than the {Durations.Format(MessageLimits.LongestLife)} that a message may wait; give that or less");
        }

        if (MessageLimits.Fault(to, topic, run.Typed.GetValue(_type) ?? "", body.Length, life ?? MessageLimits.DefaultLife) is { } fault)
        {
            throw new CtlException(ExitCode.Usage, fault);
        }

        var (waits, timeout) = (!run.Typed.GetValue(_noWait), run.Typed.GetValue(_timeout) ?? Patience);
        using var patience = new CancellationTokenSource(timeout, run.World.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        var last = "it was not taken yet";
        try
        {
            return run.Typed.GetValue(_socket) is { } socket
                ? await BySocketAsync(socket).ConfigureAwait(false)
                : await ByObjectAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CtlException(ExitCode.TimedOut, $"the message to {to} was not delivered within {Durations.Format(timeout)}: {last}; it goes on by itself until its ttl ends");
        }

        async Task<ExitCode> BySocketAsync(string socket)
        {
            using var client = new MessageClient(socket);
            var fate = await client.SendAsync(to, topic, body, run.Typed.GetValue(_type), life, either.Token).ConfigureAwait(false);
            last = $"it is kept at the controller of {socket} as {fate.Id}";
            if (waits && fate is { IsOver: false, Text.Length: > 0 })
            {
                run.Note($"message {fate.Id} {last = fate.Text}");
            }

            fate = waits ? await client.WaitAsync(fate.Id, either.Token).ConfigureAwait(false) ?? fate : fate;
            return Tell(run, to, fate.Id, fate.State, fate.Text, fate.Hops, null);
        }

        async Task<ExitCode> ByObjectAsync()
        {
            var suffix = new byte[4];
            run.World.Entropy(suffix);
            var name = $"to-{to}-{Convert.ToHexStringLower(suffix)}";
            var made = await run.Api.CreateAsync(Kinds.ClusterMessages, Namespace(run), Object(run, name, to, topic, body, life), either.Token).ConfigureAwait(false);
            if (!waits)
            {
                return Tell(run, to, name, "OnItsWay", "", 0, made);
            }

            await foreach (var seen in ObjectFollower.Of(run).FollowAsync(Kinds.ClusterMessages, Namespace(run), name, either.Token).ConfigureAwait(false))
            {
                if (seen is null)
                {
                    throw new CtlException(ExitCode.Failed, $"clustermessage {name} was deleted while it was waited for; its message may have been delivered");
                }

                var text = seen.Text("status", "message") is { Length: > 0 } said ? said : $"it is clustermessage {name} in namespace {Namespace(run)}";
                if (seen.Text("status", "completionTime") is not null)
                {
                    return Tell(run, to, name, seen.Text("status", "state")!, seen.Text("status", "message") ?? "", (int)(seen.Whole("status", "hops") ?? 0), seen);
                }

                if (text != last && seen.Text("status", "message") is { Length: > 0 })
                {
                    run.Note($"message {name} {text}");
                }

                last = text;
            }

            return ExitCode.Failed;
        }
    }

    private static string Namespace(Invocation run) => run.Namespace ?? GlobalOptions.ControlNamespace;

    private static ExitCode Tell(Invocation run, string to, string name, string state, string text, int hops, JsonObject? obj)
    {
        if (run.WantsObjects)
        {
            ObjectPrinter.One(run.Out, run.Format, obj ?? new JsonObject { ["kind"] = "ClusterMessage", ["metadata"] = new JsonObject { ["name"] = name }, ["status"] = new JsonObject { ["state"] = state, ["message"] = text, ["hops"] = hops } });
        }
        else if (state is "Delivered" or "OnItsWay")
        {
            run.Out.Write(state == "Delivered"
                ? string.Create(CultureInfo.InvariantCulture, $"message {name} delivered to {to} over {Plural.Of(hops, "link")}\n")
                : $"message {name} to {to} is on its way{(text.Length > 0 ? $": {text}" : "")}\n");
        }

        return state switch
        {
            "Delivered" or "OnItsWay" => ExitCode.Ok,
            "NoCluster" => throw new CtlException(ExitCode.NothingMatched, $"{text}; {run.World.ProgramName} get clusters lists those there are"),
            "Expired" => throw new CtlException(
                ExitCode.TargetFailed, $"message {name} to {to} ended as {state}: {text}; see {run.World.ProgramName} describe cluster {to} for whether it is reached, and send it again with a longer --ttl"),
            _ => throw new CtlException(
                ExitCode.TargetFailed, $"message {name} to {to} ended as {state}: {text}; when that is mended, send it again: it was given to no application"),
        };
    }

    private JsonObject Object(Invocation run, string name, string to, string topic, byte[] body, TimeSpan? life)
    {
        var spec = new JsonObject { ["to"] = to, ["topic"] = topic, ["binaryData"] = Convert.ToBase64String(body) };
        if (run.Typed.GetValue(_data) is { } text)
        {
            spec.Remove("binaryData");
            spec["data"] = text;
        }

        if (run.Typed.GetValue(_type) is { } type)
        {
            spec["contentType"] = type;
        }

        if (life is { } some)
        {
            spec["ttlSeconds"] = (long)some.TotalSeconds;
        }

        return new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1",
            ["kind"] = "ClusterMessage",
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Namespace(run) },
            ["spec"] = spec,
        };
    }

    private async Task<byte[]> BodyAsync(Invocation run, CancellationToken cancellation)
    {
        var (data, file) = (run.Typed.GetValue(_data), run.Typed.GetValue(_file));
        if (data is null == file is null)
        {
            throw new CtlException(ExitCode.Usage, "give the content by --data TEXT or by --filename FILE (- for standard input)");
        }

        if (data is not null)
        {
            return Encoding.UTF8.GetBytes(data);
        }

        if (file == "-")
        {
            return Encoding.UTF8.GetBytes(await run.World.In.ReadToEndAsync(cancellation).ConfigureAwait(false));
        }

        try
        {
            return new FileInfo(file!).Length > MessageLimits.BodyBytes
                ? throw new CtlException(ExitCode.Usage, $"{file} has more than {MessageLimits.BodyBytes} bytes; send where to fetch it instead")
                : await File.ReadAllBytesAsync(file!, cancellation).ConfigureAwait(false);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CtlException(ExitCode.Usage, $"--filename: {unreadable.Message.TrimEnd('.')}; give a readable file, or - for standard input");
        }
    }
}
