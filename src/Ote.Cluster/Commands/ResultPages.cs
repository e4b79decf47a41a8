using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>
/// Lays a command's targets and results out over ClusterControllerResult objects, none larger than an API server takes: a page of
/// results closes at 500 items or 512 KiB of JSON, a page of targets at 10,000 names. An answer that alone would make a page larger
/// than 1 MiB is cut. Pages are only appended to.
/// None has a field <c>items</c>: Kubernetes takes any custom object with such a list for a list of objects, and fails. Pure; one owner.
/// </summary>
internal sealed class ResultPages(JsonObject command, ulong generation)
{
    /// <summary>Results on one page.</summary>
    public const int MostItems = 500;

    private const int MostBytes = 512 * 1024;
    private const int MostBodyBytes = 900 * 1024;
    private const int MostTargets = 10_000;
    private const int MostStem = 200;
    private const int MostText = 4096;
    private const int MostContentType = 256;
    private const int MostError = 64;
    private const string CommandLabel = "ote.baidu.com/command";
    private const string PageLabel = "ote.baidu.com/page";
    private static readonly long LatestTime = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();
    private readonly int _asked = command.Whole("spec", "maxResponseBytes") is > 0 and < ReceiptBody.MaxBytes and var asked ? (int)asked : ReceiptBody.MaxBytes;
    private int _items;
    private int _bytes;

    /// <summary>Label selector of all pages of one run.</summary>
    public static string LabelSelector(string uid, ulong generation) =>
        string.Create(CultureInfo.InvariantCulture, $"ote.baidu.com/command-uid={uid},ote.baidu.com/generation={generation}");

    /// <summary>Result pages begun.</summary>
    public int Count { get; private set; }

    /// <summary>The page now appended to, as last stored; null before the first.</summary>
    public JsonObject? Current { get; private set; }

    /// <summary>The pages that hold whom the command is for.</summary>
    public IEnumerable<JsonObject> Targets(IEnumerable<string> targets)
    {
        var page = 0;
        foreach (var chunk in targets.Chunk(MostTargets))
        {
            var obj = NewPage("targets", "t", page++);
            obj["targets"] = new JsonArray([.. chunk.Select(t => (JsonNode)t)]);
            yield return obj;
        }
    }

    /// <summary>
    /// Adds results. Returns the pages to write, in order; those with a resourceVersion replace what is stored, the others are new.
    /// Call <see cref="Stored"/> with each answer.
    /// </summary>
    /// <param name="results">The results.</param>
    /// <param name="reached">How far each came that ended without an answer.</param>
    public IReadOnlyList<JsonObject> Append(IEnumerable<Receipt> results, Func<string, TargetStage?> reached)
    {
        var dirty = new List<JsonObject>();
        foreach (var receipt in results)
        {
            var (item, size) = Written(receipt, reached(receipt.Cluster));
            if (Current is null || _items >= MostItems || (_items > 0 && _bytes + size > MostBytes))
            {
                Current = NewPage("results", "r", Count++);
                Current["results"] = new JsonArray();
                (_items, _bytes) = (0, 0);
            }
            else if (dirty.Count == 0)
            {
                Current = Current.Copy();
            }

            if (dirty.Count == 0 || !ReferenceEquals(dirty[^1], Current))
            {
                dirty.Add(Current);
            }

            ((JsonArray)Current["results"]!).Add((JsonNode)item);
            _items++;
            _bytes += size;
        }

        return dirty;
    }

    /// <summary>The API server's answer to a written page.</summary>
    public void Stored(JsonObject page)
    {
        if (Current is null || page.Name() == Current.Name())
        {
            Current = page;
        }
    }

    /// <summary>Goes on after the pages that are stored already.</summary>
    public void Resume(IEnumerable<JsonObject> pages)
    {
        Current = pages.Where(p => p.Items("results") is not null).MaxBy(p => p.Whole("index") ?? 0);
        // Not how many there are: someone may have deleted one, and its name is not used again.
        Count = (int)(Current?.Whole("index") ?? -1) + 1;
        _items = Current?.Items("results")?.Count ?? 0;
        _bytes = Current?.ToJsonString().Length ?? 0;
    }

    /// <summary>How a stored result ended.</summary>
    public static TargetStage StageOf(JsonObject item) => item.Text("outcome") switch
    {
        "Succeeded" => TargetStage.Succeeded,
        "Expired" => TargetStage.Expired,
        "Cancelled" => TargetStage.Cancelled,
        "NotSelected" => TargetStage.NotSelected,
        _ => TargetStage.Failed,
    };

    /// <summary>How far a target came that ended without an answer; null when there was one.</summary>
    public static TargetStage? ReachedOf(JsonObject item) => item.Whole("code") > 0 ? null : item.Text("reached") switch
    {
        "accepted" => TargetStage.Accepted,
        "durable" => TargetStage.Durable,
        _ => TargetStage.Sent, // also of a page of before, which does not say
    };

    /// <summary>A stored result as far as a status shows it.</summary>
    public static Receipt Read(JsonObject item)
    {
        var (body, truncated) = AnswerText.Read(item);
        return new Receipt
        {
            Cluster = item.Text("cluster") ?? "",
            Code = (int)(item.Whole("code") ?? 0),
            Body = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(body),
            Truncated = truncated,
            Text = item.Text("text") ?? "",
            AtUnixMilliseconds = item.Time("timestamp")?.ToUnixTimeMilliseconds() ?? 0,
        };
    }

    /// <summary>
    /// A result and its size as JSON, escaped, so all of it ASCII. One that cannot be written is replaced by a word of it: it must not hold up
    /// what others answered.
    /// </summary>
    private (JsonObject Item, int Size) Written(Receipt receipt, TargetStage? reached)
    {
        try
        {
            var item = Item(receipt);
            if (reached is { } stage)
            {
                item["reached"] = stage.ToString().ToLowerInvariant();
            }

            return (item, item.ToJsonString().Length + 1);
        }
#pragma warning disable CA1031 // Whatever it is about this one, the others of its batch are sound.
        catch (Exception unwritable)
#pragma warning restore CA1031
        {
            var item = new JsonObject { ["cluster"] = receipt.Cluster, ["outcome"] = "Failed", ["code"] = 0, ["error"] = "BadReceipt", ["text"] = $"its answer cannot be kept: {unwritable.GetType().Name}" };
            return (item, item.ToJsonString().Length + 1);
        }
    }

    private JsonObject Item(Receipt receipt)
    {
        var item = new JsonObject
        {
            ["cluster"] = receipt.Cluster,
            ["outcome"] = receipt.Stage switch
            {
                Stage.Expired => "Expired",
                Stage.Cancelled => "Cancelled",
                Stage.NotSelected => "NotSelected",
                _ => receipt is { Error: "", Code: >= 200 and < 300 } ? "Succeeded" : "Failed",
            },
            ["code"] = receipt.Code,
        };
        if (receipt.AtUnixMilliseconds > 0 && receipt.AtUnixMilliseconds <= LatestTime)
        {
            item["timestamp"] = DateTimeOffset.FromUnixTimeMilliseconds(receipt.AtUnixMilliseconds).ToKubeTime();
        }

        if (!receipt.Body.IsEmpty)
        {
            var (body, cut) = ReceiptBody.Fit(receipt.Body, _asked); // a cluster may say more than it was asked for
            AnswerText.Write(item, body.Span, receipt.Truncated || cut, MostBodyBytes);
            item["contentType"] = Clip(receipt.ContentType, MostContentType);
        }
        else if (receipt.Truncated)
        {
            item["truncated"] = true;
        }

        if (receipt.Error.Length > 0)
        {
            item["error"] = Clip(receipt.Error, MostError);
        }

        if (receipt.Text.Length > 0)
        {
            item["text"] = Clip(receipt.Text, MostText);
        }

        return item;
    }

    /// <summary>What came over a link may be longer than what our own controllers send.</summary>
    private static string Clip(string text, int most) => ReceiptBody.Clip(text, most);

    /// <summary>Names have at most 253 characters, and the command's may have them all.</summary>
    private static string Stem(string name) => name.Length <= MostStem ? name : name[..MostStem].TrimEnd('.', '-');

    private JsonObject NewPage(string kind, string letter, int index) => NewPage(command, generation, kind, letter, index);

    /// <summary>An empty page of a run.</summary>
    /// <param name="command">The command's object.</param>
    /// <param name="generation">Of the run.</param>
    /// <param name="kind">What it is labelled.</param>
    /// <param name="letter">Tells its name from those of other kinds.</param>
    /// <param name="index">Its number among its kind.</param>
    internal static JsonObject NewPage(JsonObject command, ulong generation, string kind, string letter, int index)
    {
        var labels = new JsonObject
        {
            ["ote.baidu.com/command-uid"] = command.Uid(),
            ["ote.baidu.com/generation"] = generation.ToString(CultureInfo.InvariantCulture),
            [PageLabel] = kind,
        };
        if (command.Name().Length <= 63)
        {
            labels[CommandLabel] = command.Name();
        }

        return new JsonObject
        {
            ["apiVersion"] = Kinds.ClusterControllerResults.ApiVersion,
            ["kind"] = Kinds.ClusterControllerResults.Kind,
            ["metadata"] = new JsonObject
            {
                ["name"] = string.Create(CultureInfo.InvariantCulture, $"{Stem(command.Name())}.{command.Uid()[..8]}.{generation}.{letter}{index}"),
                ["namespace"] = command.Namespace(),
                ["labels"] = labels,
                ["ownerReferences"] = new JsonArray(new JsonObject
                {
                    ["apiVersion"] = Kinds.ClusterControllers.ApiVersion,
                    ["kind"] = Kinds.ClusterControllers.Kind,
                    ["name"] = command.Name(),
                    ["uid"] = command.Uid(),
                    ["controller"] = true,
                }),
            },
            ["index"] = index,
        };
    }
}
