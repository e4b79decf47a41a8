using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Selectors;

namespace Ote.Tests.Fuzz;

/// <summary>
/// A selector of labels or, by the first byte, of fields. What was read says the same when it is written and read again, and a selector that says something
/// never selects everything: a list would show too much, and a deletion take it.
/// </summary>
internal sealed class SelectorTarget : IFuzzTarget
{
    private static readonly KindInfo pods = SchemaCatalog.BuiltIn.Find("", "v1", "pods")!;
    private static readonly JsonObject pod = (JsonObject)JsonNode.Parse("""{"metadata":{"name":"a","namespace":"b","labels":{"app":"web","n":"5"}},"spec":{"nodeName":"n"},"status":{"phase":"Running"}}""")!;

    public IEnumerable<byte[]> Seeds =>
    [
        .. new[]
        {
            "lapp=web,tier!=db", "lenv in (a,b),zone notin (c),x,!y", "ln>3,n<10", "lexample.org/name==v", "l a , b ", "la in ()", "lin in (in)",
            "fmetadata.name=a", "fmetadata.namespace!=b,spec.nodeName=n", @"fstatus.phase=a\,b\=c\\d", "fmetadata.name==a,", ",f", "fstatus.phase=", @"fmetadata.name=a\",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    public string Try(byte[] input)
    {
        if (input.Length == 0) return "nothing";
        string text = Encoding.UTF8.GetString(input, 1, input.Length - 1);
        try
        {
            return input[0] == 'f' ? Fields(text) : Labels(text);
        }
        catch (SelectorException refused)
        {
            Assert.InRange(refused.Position, -1, text.Length);
            return $"{input[0] == 'f'} {refused.Message.Split('\'', '"')[0]} {refused.Message.Split(':')[^1].Length / 8}";
        }
    }

    private static string Labels(string text)
    {
        LabelSelector selector = LabelSelector.Parse(text);
        Assert.Equal(string.IsNullOrWhiteSpace(text), selector.IsEverything);
        LabelSelector again = LabelSelector.Parse(selector.ToString());
        Assert.Equal(selector.Requirements.Select(Said), again.Requirements.Select(Said));
        bool matches = selector.Matches(pod["metadata"]!["labels"] as JsonObject);
        Assert.Equal(matches, again.Matches(pod["metadata"]!["labels"] as JsonObject));
        return $"labels {matches} {string.Join(' ', selector.Requirements.Take(3).Select(r => $"{r.Operator}{Math.Min(r.Values.Count, 2)}"))}";
    }

    private static string Fields(string text)
    {
        FieldSelector selector = FieldSelector.Parse(text, pods);
        Assert.Equal(text.Trim(',').Length == 0, selector.IsEverything);
        FieldSelector again = FieldSelector.Parse(selector.ToString(), pods);
        Assert.Equal(selector.Terms, again.Terms);
        return $"fields {selector.Matches(pod)} {string.Join(' ', selector.Terms.Take(3).Select(t => t.Path + t.Equal))}";
    }

    private static string Said(LabelRequirement requirement) => $"{requirement.Key} {requirement.Operator} {string.Join('|', requirement.Values)}";
}
