using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Objects;

namespace Ote.Ctl.Commands;

/// <summary>Prints what clusters answered, word for word.</summary>
internal static class CommandBodies
{
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

    /// <summary>All answers, each below a line that says whose it is.</summary>
    internal static async Task PrintAllAsync(Invocation run, CommandView command, bool failedOnly, CancellationToken cancellation)
    {
        await foreach (var page in ResultPages.PagesAsync(run.Api, command, "results", cancellation).ConfigureAwait(false))
        {
            foreach (var item in page.Items("results")?.OfType<JsonObject>() ?? [])
            {
                if (!failedOnly || !Outcome.From(item).Succeeded)
                {
                    run.Out.Write($"\n--- {Head(item)}{(Remark(item) is { } remark ? $"; {Cell.Printable(remark)}" : "")}\n{Shown(run, item.Text("body") ?? "")}");
                }
            }
        }
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
