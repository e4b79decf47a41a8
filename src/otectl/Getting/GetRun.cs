using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Cli;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Ctl.Live;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Getting;

/// <summary>One run of <c>otectl get</c>.</summary>
internal sealed class GetRun(Invocation run, string typed, string? name)
{
    private const string PageSize = "500";
    private const string OwnName = "ote.baidu.com/name";
    private const string ClusterLabel = "ote-cluster";

    internal string? Cluster { get; init; }

    internal DateTimeOffset? At { get; init; }

    internal bool Everywhere { get; init; }

    internal string? Labels { get; init; }

    internal string? Fields { get; init; }

    /// <summary>What was is asked of who was told of it, what is of the cluster itself.</summary>
    private string Prefix => At is null ? ClusterOption.Prefix(Cluster) : "";

    /// <summary>There an object of a cluster is not called as it is called in it, so that it is found among the cluster's.</summary>
    private bool IsSought => At is not null && Cluster is not null && name is not null;

    /// <summary>What was in one cluster is called as it was called in it, as what is there is.</summary>
    private bool IsOfOne => At is not null && Cluster is not null;

    internal async Task<ExitCode> RunAsync(CancellationToken cancellation)
    {
        if (name is not null && (Everywhere || Labels is not null || Fields is not null))
        {
            throw new CtlException(ExitCode.Usage, $"get: {name} is one object, and -A, -l and --field-selector choose among many; leave out the one or the other");
        }

        if (typed.Split(',') is [{ Length: > 0 } one, ..] and { Length: > 1 })
        {
            throw new CtlException(ExitCode.Usage, $"get: '{typed}' is several kinds; ask for one at a time, such as {run.World.ProgramName} get {one}, or take kubectl get {typed}");
        }

        var others = new List<string>();
        var kind = await ServedKind.FindAsync(run.Api, Prefix, typed, others, cancellation).ConfigureAwait(false) ?? throw Unknown(others);
        var path = Path(kind);
        try
        {
            return run.WantsObjects ? await ObjectsAsync(kind, path, cancellation).ConfigureAwait(false) : await TableAsync(kind, path, cancellation).ConfigureAwait(false);
        }
        catch (KubeStatusException missing) when (missing.IsNotFound && name is not null && Cluster is null && At is null)
        {
            throw new CtlException(ExitCode.Failed, $"{missing.Message.TrimEnd('.')}; {await ShownNames.HintAsync(run, kind, run.Namespace ?? "default", name, cancellation).ConfigureAwait(false)}", missing);
        }
        catch (KubeStatusException then) when (At is not null && then.Code is 400 or 410)
        {
            throw new CtlException(ExitCode.Failed, $"--at: {then.Message}", then); // it says what can be asked for
        }
    }

    private CtlException Unknown(List<string> others)
    {
        var (program, where) = (run.World.ProgramName, At is null && Cluster is not null ? $"in cluster {Cluster}" : "here");
        var hint = Nearest.Hint(typed, others.Distinct());
        var isMeant = hint.Length == 0 && name is null && Cluster is null && At is null; // a cluster's name, and clusters left out
        // Nothing of a kind that no site reports looks like a kind that there is not.
        var report = hint.Length == 0 && Cluster is null && At is null ? ": no cluster reports such a kind; --report PLURAL.GROUP at a site has it shown here, and --cluster NAME asks that site itself" : "";
        return new CtlException(ExitCode.Usage, $"'{typed}' is not known {where}{(isMeant ? $" (did you mean {program} get clusters {typed}?)" : hint)}{report}; see {program} get --help");
    }

    private string Path(ResourceRef kind)
    {
        var labels = At is not null && Cluster is not null ? string.Join(',', new[] { Labels, $"{ClusterLabel}={Cluster}" }.OfType<string>()) : Labels;
        var isList = name is null || IsSought;
        (string Name, string? Value)[] query =
        [
            ("labelSelector", isList ? labels : null), ("fieldSelector", Fields), ("limit", isList ? PageSize : null), ("ote-at", At is { } moment ? Moment.Format(moment) : null),
        ];
        var ns = Everywhere ? null : run.Namespace ?? "default";
        return $"{Prefix}{kind.Path(ns, isList ? null : name)}?{string.Join('&', query.Where(q => q.Value is not null).Select(q => $"{q.Name}={Uri.EscapeDataString(q.Value!)}"))}".TrimEnd('?');
    }

    private async Task<ExitCode> TableAsync(ResourceRef kind, string path, CancellationToken cancellation)
    {
        var table = new ServerTable(run.Format == OutputFormat.Wide, Everywhere && kind.Namespaced);
        await foreach (var page in PagesAsync(path, ServerTable.Accept, cancellation).ConfigureAwait(false))
        {
            table.Add(page, row => !IsSought || IsNamed(row["object"]), IsOfOne ? NameThere : null);
        }

        if (table.Count == 0)
        {
            return await NothingAsync(kind, cancellation).ConfigureAwait(false);
        }

        table.WriteTo(run.Out);
        return ExitCode.Ok;
    }

    private async Task<ExitCode> ObjectsAsync(ResourceRef kind, string path, CancellationToken cancellation)
    {
        if (name is null)
        {
            await ObjectPrinter.ListAsync(run.Out, run.Format, ItemsAsync(kind, path, cancellation)).ConfigureAwait(false);
            return ExitCode.Ok;
        }

        await foreach (var item in IsSought ? ItemsAsync(kind, path, cancellation) : PagesAsync(path, "application/json", cancellation))
        {
            ObjectPrinter.One(run.Out, run.Format, item);
            return ExitCode.Ok;
        }

        return await NothingAsync(kind, cancellation).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<JsonObject> ItemsAsync(ResourceRef kind, string path, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var page in PagesAsync(path, "application/json", cancellation).ConfigureAwait(false))
        {
            foreach (var item in (page.Items("items") ?? []).OfType<JsonObject>().Where(item => !IsSought || IsNamed(item)))
            {
                item["apiVersion"] ??= kind.ApiVersion;
                item["kind"] ??= kind.Kind;
                if (IsOfOne && NameThere(item) is { } own)
                {
                    item["metadata"]!["name"] = own;
                }

                yield return item;
            }
        }
    }

    /// <summary>The answer, or the pages of it.</summary>
    private async IAsyncEnumerable<JsonObject> PagesAsync(string path, string accept, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var next = path;
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, next);
            request.Headers.TryAddWithoutValidation("Accept", accept);
            using var answer = await run.Api.OpenAsync(request, $"GET {path}", cancellation).ConfigureAwait(false);
            var stream = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                var page = await JsonNode.ParseAsync(stream, cancellationToken: cancellation).ConfigureAwait(false) as JsonObject ?? throw new JsonException("no JSON object came");
                yield return page;
                if (page.Text("metadata", "continue") is not { Length: > 0 } token)
                {
                    yield break;
                }

                next = $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}continue={Uri.EscapeDataString(token)}";
            }
        }
    }

    private bool IsNamed(JsonNode? obj) => obj is JsonObject shown && (shown.Annotation(OwnName) == name || shown.Name() == name);

    private static string? NameThere(JsonNode? obj) => (obj as JsonObject)?.Annotation(OwnName);

    private async Task<ExitCode> NothingAsync(ResourceRef kind, CancellationToken cancellation)
    {
        var then = At is { } moment ? $" at {Moment.Format(moment)}" : "";
        if (name is not null)
        {
            throw new CtlException(ExitCode.Failed, $"{kind.Plural} \"{name}\" not found in {Cluster ?? "any cluster"}{then}");
        }

        if (IsOfOne)
        {
            // Nothing of a name that is mistyped looks like nothing of a cluster that had nothing.
            await ClusterReader.OneAsync(run, Cluster!, cancellation, ", and nothing is kept of another of that name").ConfigureAwait(false);
        }

        run.Note($"No resources found{(kind.Namespaced && !Everywhere ? $" in {run.Namespace ?? "default"} namespace" : "")}{ClusterOption.At(Cluster)}{then}.");
        return ExitCode.Ok;
    }
}
