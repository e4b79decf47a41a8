using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Selectors;
using Ote.Roles.Hosting;

namespace Ote.Roles.EdgeController;

/// <summary>Which nodes are opted in without a label of their own, such as those of a pool.</summary>
internal sealed class EdgeControllerNodes
{
    private readonly Option<string[]> _nodes = new("--nodes")
    {
        Description = "Opts in the nodes that this label selector chooses, such as pool=shop, unless their own label ote.baidu.com/autonomy says disabled; may be repeated, and any of them is enough",
        DefaultValueFactory = _ => [],
    };

    public void AddTo(Command command) => command.Add(_nodes);

    /// <summary>Whether a node with these labels is chosen; null: none is.</summary>
    /// <param name="parsed">The command line.</param>
    /// <exception cref="RoleException">A selector that cannot be read, and what to give.</exception>
    public Func<JsonObject?, bool>? Read(ParseResult parsed)
    {
        var selectors = (parsed.GetValue(_nodes) ?? []).Select(Selector).ToArray();
        return selectors.Length == 0 ? null : labels => selectors.Any(selector => selector.Matches(labels));
    }

    private LabelSelector Selector(string text)
    {
        try
        {
            var selector = LabelSelector.Parse(text);
            return selector.IsEverything ? throw new RoleException($"{_nodes.Name}: '{text}' names no label; write for instance pool=shop, or kubernetes.io/hostname for all nodes") : selector;
        }
        catch (SelectorException wrong)
        {
            throw new RoleException($"{_nodes.Name}: '{text}' is no label selector: {wrong.Message}; write for instance pool=shop or 'pool in (shop,yard),!spare'");
        }
    }
}
