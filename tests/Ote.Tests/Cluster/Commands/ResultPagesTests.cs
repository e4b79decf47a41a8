using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Ote.Cluster.Commands;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Commands;

public sealed class ResultPagesTests
{
    private readonly Dictionary<string, JsonObject> _stored = [];

    [Fact]
    public void A_result_without_an_answer_says_how_far_the_command_came_also_after_a_restart()
    {
        var pages = new ResultPages(Objects.Command(), 3);
        var page = Assert.Single(pages.Append([Objects.Receipt("lay", Stage.Expired), Objects.Receipt("ran", Stage.Executed, 500)], c => c == "lay" ? TargetStage.Durable : null));
        JsonObject[] items = [.. page.Items("results")!.OfType<JsonObject>()];
        Assert.Equal(["durable", null], items.Select(item => item.Text("reached")));
        Assert.Equal([TargetStage.Durable, null], items.Select(ResultPages.ReachedOf));
    }

    [Fact]
    public void A_page_closes_at_500_results()
    {
        var pages = New();
        for (int i = 0; i < 1001; i++)
        {
            Write(pages, Objects.Receipt($"e{i}", Stage.Executed, 200));
        }

        Assert.Equal([500, 500, 1], Sizes());
        Assert.Equal(3, pages.Count);
    }

    [Fact]
    public void A_page_closes_at_512_KiB()
    {
        var pages = New();
        string body = new('x', 200 * 1024);
        Write(pages, [.. Enumerable.Range(0, 5).Select(i => Objects.Receipt($"e{i}", Stage.Executed, 200, body: body))]);
        Assert.Equal([2, 2, 1], Sizes());
        Assert.All(_stored.Values, p => Assert.True(Encoding.UTF8.GetByteCount(p.ToJsonString()) < 512 * 1024));

        // One that is larger alone has a page of its own.
        Write(pages, Objects.Receipt("large", Stage.Executed, 200, body: new string('y', 900 * 1024)), Objects.Receipt("next", Stage.Executed, 200));
        Assert.Equal([2, 2, 1, 1, 1], Sizes());
        Assert.Equal(900 * 1024, Item("large").Text("body")!.Length);
    }

    [Theory]
    [InlineData('"')]
    [InlineData('\u0001')]
    [InlineData('\u00e4')]
    [InlineData('x')]
    public void What_counts_is_the_size_that_is_sent_however_much_escaping_it_takes(char each)
    {
        var pages = New();
        Write(pages, [.. Enumerable.Range(0, 6).Select(i => Objects.Receipt($"e{i}", Stage.Executed, 200, body: new string(each, 80 * 1024)))]);
        Write(pages, Objects.Receipt("large", Stage.Executed, 200, body: new string(each, 1024 * 1024)));
        Assert.All(_stored.Values, p => Assert.InRange(Encoding.UTF8.GetByteCount(p.ToJsonString()), 1, (1024 * 1024) - 1));
        Assert.True(Item("large").Truth("truncated"));
        Assert.Equal(new string(each, Item("large").Text("body")!.Length), Item("large").Text("body"));
        Assert.InRange(Item("large").Text("body")!.Length, 150 * 1024, 1024 * 1024);
    }

    [Fact]
    public void A_body_is_cut_between_characters()
    {
        Write(New(), Objects.Receipt("a", Stage.Executed, 200, body: string.Concat(Enumerable.Repeat("\U0001F600", 200 * 1024))));
        Assert.DoesNotContain('\uFFFD', Item("a").Text("body")!);
        Assert.True(Item("a").Truth("truncated"));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(1024 * 1024)]
    public void A_body_that_is_no_text_survives(int size)
    {
        byte[] bytes = new byte[size];
        new Random(1).NextBytes(bytes);
        bytes[0] = 0xFF;
        var receipt = Objects.Receipt("a", Stage.Executed, 200);
        receipt.Body = ByteString.CopyFrom(bytes);
        Write(New(), receipt);
        Assert.Equal("base64", Item("a").Text("bodyEncoding"));
        var read = ResultPages.Read(Item("a"));
        Assert.Equal(size > 1000, read.Truncated);
        Assert.Equal(bytes.AsSpan(0, read.Body.Length), read.Body.Span);
        Assert.InRange(read.Body.Length, Math.Min(size, 600 * 1024), size);
        Assert.All(_stored.Values, p => Assert.InRange(p.ToJsonString().Length, 1, (1024 * 1024) - 1));
    }

    [Fact]
    public void What_was_cut_at_the_cluster_stays_marked()
    {
        var cut = Objects.Receipt("cut", Stage.Executed, 200, body: "begin");
        cut.Truncated = true;
        var left = Objects.Receipt("left-out", Stage.Executed, 413, "TooLarge");
        left.Truncated = true;
        Write(New(), cut, left, Objects.Receipt("whole", Stage.Executed, 200, body: "all"));
        Assert.True(Item("cut").Truth("truncated"));
        Assert.True(Item("left-out").Truth("truncated"));
        Assert.Null(Item("whole").Truth("truncated"));
    }

    [Fact]
    public void Explanations_from_below_have_a_bound()
    {
        var receipt = Objects.Receipt("a", Stage.Executed, 500, new string('E', 100_000));
        (receipt.Text, receipt.ContentType) = (new string('t', 2_000_000), new string('c', 2_000_000));
        Write(New(), receipt);
        Assert.InRange(_stored.Values.Single().ToJsonString().Length, 1, 8192);
    }

    [Fact]
    public void One_receipt_that_cannot_be_written_does_not_hold_up_the_others()
    {
        var never = Objects.Receipt("never", Stage.Executed, 200);
        never.AtUnixMilliseconds = long.MaxValue;
        var halved = Objects.Receipt("halved", Stage.Executed, 200);
        halved.Text = new string('t', 4094) + "\U0001F600\U0001F600";
        var lone = Objects.Receipt("lone", Stage.Executed, 200);
        lone.Text = "\ud800";
        Write(New(), Objects.Receipt("before", Stage.Executed, 200), never, halved, lone, Objects.Receipt("after", Stage.Executed, 200));
        Assert.Equal(["Succeeded", "Succeeded", "Succeeded", "Succeeded"], ((string[])["before", "never", "halved", "after"]).Select(c => Item(c).Text("outcome")));
        Assert.NotNull(Item("lone").Text("outcome"));
        Assert.Null(Item("never").Text("timestamp"));
        Assert.EndsWith("t…", Item("halved").Text("text"), StringComparison.Ordinal);
    }

    [Fact]
    public void Cluster_that_says_more_than_it_was_asked_for_is_cut()
    {
        var pages = new ResultPages(Objects.Command(("maxResponseBytes", 5)), 3);
        Write(pages, Objects.Receipt("a", Stage.Executed, 200, body: "1234\u00e4"), Objects.Receipt("b", Stage.Executed, 200, body: "12345"));
        Assert.Equal(("1234", true), (Item("a").Text("body"), Item("a").Truth("truncated")));
        Assert.Equal(("12345", null), (Item("b").Text("body"), Item("b").Truth("truncated")));
    }

    [Fact]
    public void Ten_thousand_of_the_longest_names_fit_a_page_of_targets()
    {
        var page = New().Targets(Enumerable.Range(0, 10_000).Select(i => new string('n', 58) + $"{i:00000}")).Single();
        Assert.InRange(page.ToJsonString().Length, 1, (1024 * 1024) - 1);
    }

    [Fact]
    public void The_name_of_a_page_that_was_deleted_is_not_used_again()
    {
        Write(New(), [.. Enumerable.Range(0, 1100).Select(i => Objects.Receipt($"e{i}", Stage.Executed, 200))]);
        _stored.Remove(_stored.Keys.Single(k => k.EndsWith(".r0", StringComparison.Ordinal)));
        var pages = New();
        pages.Resume([.. _stored.Values]);
        Write(pages, [.. Enumerable.Range(2000, 600).Select(i => Objects.Receipt($"e{i}", Stage.Executed, 200))]);
        Assert.Equal([500, 500, 200], Sizes());
    }

    [Fact]
    [Trait("Defect", "M11")]
    public void Ten_thousand_results_at_once_are_twenty_pages_and_each_is_written_once()
    {
        var pages = New();
        var written = pages.Append(Enumerable.Range(0, 10_000).Select(i => Objects.Receipt($"e{i}", Stage.Executed, 200, body: "{}")), _ => null);
        Assert.Equal(20, written.Count);
        Assert.Equal(20, written.Select(p => p.Name()).Distinct().Count());
        Assert.Equal(10_000, written.SelectMany(p => p.Items("results")!).Select(i => i!["cluster"]!.ToString()).Distinct().Count());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(10_000, 1)]
    [InlineData(25_001, 3)]
    public void Targets_are_spread_over_pages_of_ten_thousand(int targets, int pages)
    {
        var objects = New().Targets(Enumerable.Range(0, targets).Select(i => $"edge-{i}")).ToArray();
        Assert.Equal(pages, objects.Length);
        Assert.Equal(targets, objects.SelectMany(p => p.Items("targets")!).Select(t => t!.ToString()).Distinct().Count());
        Assert.Equal(pages, objects.Select(p => p.Name()).Distinct().Count());
    }

    [Fact]
    public void A_restart_goes_on_where_the_pages_end()
    {
        Write(New(), [.. Enumerable.Range(0, 700).Select(i => Objects.Receipt($"e{i}", Stage.Executed, 200))]);
        var pages = New();
        pages.Resume([.. _stored.Values.Reverse()]);
        Assert.Equal(2, pages.Count);
        Write(pages, [.. Enumerable.Range(700, 400).Select(i => Objects.Receipt($"e{i}", Stage.Executed, 200))]);
        Assert.Equal([500, 500, 100], Sizes());
        Assert.Equal(1100, _stored.Values.SelectMany(p => p.Items("results")!).Select(i => i!["cluster"]!.ToString()).Distinct().Count());
    }

    [Fact]
    public void What_was_handed_out_is_not_changed_by_what_comes_later()
    {
        var pages = New();
        Write(pages, Objects.Receipt("a", Stage.Executed, 200));
        var stored = pages.Current!;
        pages.Append([Objects.Receipt("b", Stage.Executed, 200)], _ => null);
        Assert.Single(stored.Items("results")!);
    }

    [Theory]
    [InlineData(Stage.Executed, 200, "", "Succeeded")]
    [InlineData(Stage.Executed, 500, "", "Failed")]
    [InlineData(Stage.Executed, 200, "TooLarge", "Failed")]
    [InlineData(Stage.Expired, 0, "Expired", "Expired")]
    [InlineData(Stage.Cancelled, 0, "Cancelled", "Cancelled")]
    [InlineData(Stage.NotSelected, 0, "NotSelected", "NotSelected")]
    public void An_outcome_is_read_back_as_it_was_written(Stage stage, int code, string error, string expected)
    {
        Write(New(), Objects.Receipt("a", stage, code, error, "text"));
        var item = (JsonObject)_stored.Values.Single().Items("results")![0]!;
        Assert.Equal(expected, ResultPages.StageOf(item).ToString());
        Assert.Equal(("a", "text", "text/plain"), (item.Text("cluster"), item.Text("body"), item.Text("contentType")));
        Assert.Equal(error.Length > 0 ? error : null, item.Text("error"));
        Assert.Equal(Objects.Start, item.Time("timestamp"));
    }

    [Fact]
    public void Pages_belong_to_the_command_and_are_found_by_label()
    {
        var page = New().Targets(["a"]).Single();
        Assert.Equal("cmd.01234567.3.t0", page.Name());
        Assert.Equal("ote-system", page.Namespace());
        Assert.Equal("0123456789ab", page["metadata"]!["ownerReferences"]![0]!["uid"]!.ToString());
        Assert.Equal("cmd", page["metadata"]!["labels"]!["ote.baidu.com/command"]!.ToString());
        Assert.Equal("targets", page["metadata"]!["labels"]!["ote.baidu.com/page"]!.ToString());
        Assert.Equal("ote.baidu.com/command-uid=0123456789ab,ote.baidu.com/generation=3", ResultPages.LabelSelector("0123456789ab", 3));
    }

    [Fact]
    public void Page_names_stay_valid_however_long_the_commands_name_is()
    {
        var command = Objects.Command();
        command["metadata"]!["name"] = new string('a', 199) + "." + new string('b', 53);
        var page = new ResultPages(command, 3).Targets(["a"]).Single();
        Assert.Equal(new string('a', 199) + ".01234567.3.t0", page.Name());
        Assert.Null(page["metadata"]!["labels"]!["ote.baidu.com/command"]);
    }

    private JsonObject Item(string cluster) => _stored.Values.SelectMany(p => p.Items("results")!.OfType<JsonObject>()).Single(i => i.Text("cluster") == cluster);

    private static ResultPages New() => new(Objects.Command(), 3);

    private void Write(ResultPages pages, params Receipt[] receipts)
    {
        foreach (var page in pages.Append(receipts, _ => null))
        {
            var answer = (JsonObject)page.DeepClone();
            answer["metadata"]!["resourceVersion"] = "1";
            pages.Stored(answer);
            _stored[page.Name()] = answer;
        }
    }

    private IEnumerable<int> Sizes() => _stored.Values.OrderBy(p => p.Whole("index")).Select(p => p.Items("results")!.Count);
}
