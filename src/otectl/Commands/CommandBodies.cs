using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Objects;

namespace Ote.Ctl.Commands;

/// <summary>Prints what clusters answered, word for word.</summary>
internal static class CommandBodies
{
    // Characters put in order at a time. A command that has more answers is printed in several such portions.
    private const long MostHeld = 64 * 1024 * 1024;

    /// <summary>One cluster's answer and nothing else, so that a program can read it.</summary>
    /// <exception cref="CtlException">It has not answered, or nothing that could be printed.</exception>
    internal static async Task PrintOneAsync(Invocation run, CommandView command, string cluster, CancellationToken cancellation)
    {
        await foreach (var page in ResultPages.PagesAsync(run.Api, command, "results", cancellation).ConfigureAwait(false))
        {
            if (page.Items("results")?.OfType<JsonObject>().FirstOrDefault(item => item.Text("cluster") == cluster) is { } item)
            {
                run.Out.Write(item.Text("body") is { Length: > 0 } body
                    ? Shown(run, body)
                    : throw new CtlException(ExitCode.Failed, $"cluster '{cluster}' answered command '{command.Name}' without a body ({Head(item)}); command show {command.Name} shows how it ended"));
                if (Remark(item) is { } remark)
                {
                    run.Note(remark);
                }

                return;
            }
        }

        throw new CtlException(ExitCode.Failed, $"command '{command.Name}' has no answer of cluster '{cluster}'; {run.World.ProgramName} command show {command.Name} lists who answered");
    }

    /// <summary>All answers in the order of the table above them, each below a line that says whose it is; of who gave none, why.</summary>
    internal static async Task PrintAllAsync(Invocation run, CommandView command, bool failedOnly, CancellationToken cancellation)
    {
        var held = new List<(Outcome Outcome, string Text)>();
        var size = 0L;
        await foreach (var page in ResultPages.PagesAsync(run.Api, command, "results", cancellation).ConfigureAwait(false))
        {
            foreach (var item in page.Items("results")?.OfType<JsonObject>() ?? [])
            {
                var outcome = Outcome.From(item);
                if (!failedOnly || !outcome.Succeeded)
                {
                    var body = item.Text("body") is { Length: > 0 } answer ? answer : item.Text("text") ?? "";
                    held.Add((outcome, $"\n--- {Head(item)}{(Remark(item) is { } remark ? $"; {Cell.Printable(remark)}" : "")}\n{Shown(run, body)}"));
                    size += held[^1].Text.Length;
                }
            }

            if (size > MostHeld)
            {
                Print(run, held);
                size = 0;
            }
        }

        Print(run, held);
    }

    private static void Print(Invocation run, List<(Outcome Outcome, string Text)> held)
    {
        foreach (var (_, text) in held.OrderBy(one => one.Outcome.Succeeded).ThenBy(one => one.Outcome.Cluster, StringComparer.Ordinal))
        {
            run.Out.Write(text);
        }

        held.Clear();
    }

    private static string Head(JsonObject item) => Cell.Printable(string.Create(
        CultureInfo.InvariantCulture, $"{item.Text("cluster")}: {item.Whole("code")} {item.Text("contentType") ?? item.Text("error")}").TrimEnd());

    private static string? Remark(JsonObject item) => (item.Text("bodyEncoding"), item.Truth("truncated") ?? false) switch
    {
        ({ Length: > 0 } encoding, true) => $"the answer is no text: {encoding}, and only its beginning",
        ({ Length: > 0 } encoding, _) => $"the answer is no text: {encoding}",
        (_, true) => "only the beginning of the answer, which was too long to be kept",
        _ => null,
    };

    /// <summary>On a terminal an answer must not move the cursor; a file gets it as it came.</summary>
    private static string Shown(Invocation run, string body)
    {
        var text = run.World.OutIsTerminal ? string.Join('\n', body.Split('\n').Select(Cell.Printable)) : body;
        return text.Length == 0 || text.EndsWith('\n') ? text : text + "\n";
    }
}
