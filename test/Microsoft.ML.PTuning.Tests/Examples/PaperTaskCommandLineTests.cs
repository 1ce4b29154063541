using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

[TestClass]
public sealed class PaperTaskCommandLineTests
{
    [TestMethod]
    public void Every_task_of_the_command_line_has_a_name_of_its_own()
    {
        CollectionAssert.AllItemsAreUnique(PaperTask.All.Select(task => task.Name).ToArray());
    }

    [TestMethod]
    [DataRow("--task wic --data d --template 1")]
    [DataRow("--task wsc --data d --template 0 --limit 10 --dev-limit 5")]
    [DataRow("--task ner --train a --dev b --token-column 2 --label-column 0")]
    [DataRow("--task srl --train a --dev b --token-column 3")]
    [DataRow("--task record --train a --dev b --projection")]
    [DataRow("--task record --train a --dev b --projection false")]
    [DataRow("--task tsv --train a --dev b --header --label-column 0 --per-class 16")]
    [DataRow("--task squad-topics --train a --defaults")]
    [DataRow("--task squad-topics --data d --method embedding")]
    [DataRow("--task rte --train a --holdout 0.2")]
    [DataRow("--task rte --train a --dev b --holdout 0.2 --epoch last")]
    [DataRow("--task copa --data d --method bag-of-words --pooling mean")]
    [DataRow("--task squad --data d --method majority")]
    [DataRow("--task squad --data d --method lora --rank 4")]
    [DataRow("--task rte --data d --method p-tuning-v1 --network MLP")]
    [DataRow("--task sst2 --data d --method soft-prompts --prompts 2")]
    [DataRow("--task sst2 --data d --pattern {text} --method prefix-tuning --projection")]
    [DataRow("--task sst2 --data d --pattern {text}:{mask} --words 1=good,great --words 0=bad")]
    [DataRow("--task sst2 --data d --pattern {text}:{mask} --words 1=good,great;0=bad")]
    [DataRow("--task conll04 --data d --with ner=e --with conll2003=f --continue 3")]
    [DataRow("--task squad --data d --with squad2=e;squad=f")]
    public void What_the_help_says_is_understood(string arguments) => Assert.IsEmpty(Errors(arguments));

    [TestMethod]
    [DataRow("--task rte --data d --template 1", "rte has one wording; wic and wsc have two.")]
    [DataRow("--task srl --data d --label-column 1", "--label-column is for tsv and ner and conll2003 and conll04 and ontonotes, not for srl.")]
    [DataRow("--task copa --data d --token-column 1", "ontonotes and srl and conll2005 and conll2012, not for copa.")]
    [DataRow("--task wic --data d --template 2", "'2' not recognized")]
    [DataRow("--task nosuch --data d --template 1", "'nosuch' not recognized")]
    [DataRow("--task wic --data d --dev-limit 0", "--dev-limit: expected a whole number of at least 1, found '0'.")]
    [DataRow("--task wic --data d --dev e", "either --data DIR, or --train FILE and --dev FILE")]
    [DataRow("--task wic --train d", "either --data DIR, or --train FILE and --dev FILE")]
    [DataRow("--task squad-topics --train d --dev e", "either --data DIR, or --train FILE without --dev.")]
    [DataRow("--task wic --dev d --holdout 0.5", "either --data DIR, or --train FILE.")]
    [DataRow("--task wic --data d --holdout 1", "--holdout: expected a number above 0 and below 1, found '1'.")]
    [DataRow("--task wic --data d --holdout 0.5 --dev-limit 3", "--dev-limit is for development rows, which --holdout does not read.")]
    [DataRow("--task squad --data d --pooling mean", "and copa, not for squad.")]
    [DataRow("--task srl --data d --pooling trained", "and copa, not for srl.")]
    [DataRow("--task ner --data d --header", "--header is for tsv, not for ner.")]
    [DataRow("--task ner --data d --method embedding", "--method embedding is for rte and")]
    [DataRow("--task squad --data d --method bag-of-words", "and copa, not for squad.")]
    [DataRow("--task rte --data d --method majority --save m", "--save: majority has no model to save; those of the library have.")]
    [DataRow("--task rte --data d --method nosuch", "'nosuch' not recognized")]
    [DataRow("--task rte --data d --method lora --rank 0", "--rank: expected a whole number of at least 1, found '0'.")]
    [DataRow("--task rte --data d --method prefix-tuning --projection false", "prefix-tuning always trains through the network. Use --method ptuning-v2.")]
    [DataRow("--task rte --data d --method prefix-tuning --projection maybe", "maybe")]
    [DataRow("--task ner --data d --pattern {text}", "--pattern is for rte and cb and")]
    [DataRow("--task stsb --data d --pattern {text}", "and tsv, not for stsb.")]
    [DataRow("--task squad --data d --words 1=good", "--words is for rte and")]
    [DataRow("--task sst2 --data d --pattern {gap}", "--pattern: ")]
    [DataRow("--task sst2 --data d --words 1=good", "--words needs a --pattern with {mask}")]
    [DataRow("--task sst2 --data d --pattern {text}{mask} --words good", "--words: expected a class and its words, such as 1=good,great; found 'good'.")]
    [DataRow("--task sst2 --data d --pattern {text}{mask} --words 1=good,", "such as 1=good,great; found '1=good,'.")]
    [DataRow("--task sst2 --data d --pattern {text}{mask} --words 1=good;1=great", "--words: the class '1' has words twice.")]
    [DataRow("--task ner --data d --with sst2=e", "--with sst2: expected a task of the kind of ner: ner and conll2003 and")]
    [DataRow("--task ner --data d --with conll04", "--with: expected a task and its folder, such as conll04=DIR; found 'conll04'.")]
    [DataRow("--task ner --data d --with nosuch=e", "--with: expected one of the tasks of --task, found 'nosuch'.")]
    [DataRow("--task ner --data d --with conll04=e --method lora", "--with is for --method ptuning-v2, not for lora: a prefix is what the tasks share.")]
    [DataRow("--task ner --data d --continue 2", "--continue is for tasks that are trained together.")]
    public void What_does_not_fit_is_refused(string arguments, string reason) => StringAssert.Contains(string.Join(' ', Errors(arguments)), reason);

    private static string[] Errors(string arguments) => [.. PaperTasks.CommandLine.Create().Parse(arguments).Errors.Select(error => error.Message)];
}
