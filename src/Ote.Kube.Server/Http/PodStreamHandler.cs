using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Streams;

namespace Ote.Kube.Server.Http;

/// <summary>Answers a pod's log, and says why there is no exec, attach or portforward.</summary>
internal sealed class PodStreamHandler(IObjectStore store, IPodStreams? streams)
{
    private static readonly string[] ContainerFields = ["initContainers", "containers", "ephemeralContainers"];

    /// <summary>Whether a subresource of a kind is answered here.</summary>
    public static bool Serves(ApiRequest request) =>
        request.Kind is { Group: "", Plural: "pods" } && request.Path.Subresource is "log" or "exec" or "attach" or "portforward";

    public async Task HandleAsync(ApiRequest request, string verb)
    {
        var sub = request.Path.Subresource!;
        if (verb != "get" && (sub == "log" || verb != "create"))
        {
            throw ApiError.MethodNotAllowed();
        }

        var stored = await store.FindAsync(request.Key, request.Aborted).ConfigureAwait(false) ?? throw ApiError.NotFound(request.Kind, request.Name);
        var pod = ObjectForm.Parse(stored.Json, request.Kind);
        if (streams is null)
        {
            await WithoutPodsAsync(request, pod, sub).ConfigureAwait(false);
            return;
        }

        if (sub != "log")
        {
            throw new ApiError(405, "MethodNotAllowed", streams.WhyNot(pod, sub), new JsonObject { ["name"] = request.Name, ["kind"] = "pods" });
        }

        var container = Container(pod, request.Query.Text("container"));
        var previous = request.Query.Flag("previous");
        var lines = streams.ReadLog(pod, container, previous) ?? throw ApiError.BadRequest(previous
            ? $"previous terminated container \"{container}\" in pod \"{pod.Name()}\" not found"
            : $"container \"{container}\" in pod \"{pod.Name()}\" is waiting to start");
        var kept = request.Query.Whole("tailLines") is { } tail ? lines.Skip((int)Math.Max(0, lines.Count - tail)) : lines;
        var stamps = request.Query.Flag("timestamps");
        var text = new StringBuilder();
        foreach (var (at, line) in kept)
        {
            // As the kubelet writes them; kubectl cuts the stamp off at the first blank.
            text.Append(stamps ? at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffffff'00Z' ", CultureInfo.InvariantCulture) : "").Append(line).Append('\n');
        }

        var limit = (int)Math.Min(request.Query.Whole("limitBytes") ?? int.MaxValue, text.Length);
        await Answers.TextAsync(request.Context, 200, text.ToString(0, limit)).ConfigureAwait(false);
    }

    /// <summary>Nothing runs pods here, so none runs: as the real server says of one without a node, and of one whose node it does not reach.</summary>
    private static Task WithoutPodsAsync(ApiRequest request, JsonObject pod, string sub) => pod.Text("spec", "nodeName") switch
    {
        { Length: > 0 } node => throw ApiError.NotFound(request.Kind, node),
        _ when sub == "log" => Answers.TextAsync(request.Context, 200, ""),
        _ => throw ApiError.BadRequest($"pod {request.Name} does not have a host assigned"),
    };

    private static string Container(JsonObject pod, string? asked)
    {
        var main = Names(pod, "containers");
        if (asked is null)
        {
            var usual = pod.Annotation("kubectl.kubernetes.io/default-container");
            return main is [var only] ? only : main.FirstOrDefault(name => name == usual)
                ?? throw ApiError.BadRequest($"a container name must be specified for pod {pod.Name()}, choose one of: [{string.Join(' ', main)}]");
        }

        return ContainerFields.SelectMany(field => Names(pod, field)).Contains(asked)
            ? asked
            : throw ApiError.BadRequest($"container {asked} is not valid for pod {pod.Name()}");
    }

    private static string[] Names(JsonObject pod, string field) => [.. pod.Items("spec", field)?.OfType<JsonObject>().Select(c => c.Text("name") ?? "") ?? []];
}
