using System.Text.Json.Nodes;

namespace Ote.Bench.Load;

/// <summary>
/// What a child process does: reads one JSON request a line, answers each with one line, and ends with its input, so that it never
/// outlives the benchmark.
/// </summary>
internal static class LineServer
{
    public static async Task<int> RunAsync(Func<JsonObject, Task<JsonObject>> answer)
    {
        while (await Console.In.ReadLineAsync() is { } line)
        {
            JsonObject said;
            try
            {
                said = await answer((JsonObject)JsonNode.Parse(line)!);
            }
#pragma warning disable CA1031 // Whatever went wrong is the answer; the benchmark ends with it.
            catch (Exception failed)
#pragma warning restore CA1031
            {
                said = new JsonObject { ["error"] = failed.Message };
            }

            await Console.Out.WriteLineAsync(said.ToJsonString());
            await Console.Out.FlushAsync();
        }

        return 0;
    }

    /// <summary>A list of texts in a request.</summary>
    public static string[] Texts(this JsonObject request, string name) => [.. ((JsonArray)request[name]!).Select(s => (string)s!)];

    public static JsonArray ToJson(this IEnumerable<string> texts) => new([.. texts.Select(s => (JsonNode)s)]);
}
